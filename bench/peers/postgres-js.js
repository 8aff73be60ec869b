// postgres.js with its default options.

import { postgresJs } from "./postgres-js-cases.js";

export default postgresJs({});
