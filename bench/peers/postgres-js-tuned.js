// postgres.js with the options of Cloudflare's page on postgres.js: at most five connections for each request, and no
// query for the types of arrays.

import { postgresJs } from "./postgres-js-cases.js";

export default postgresJs({ max: 5, fetch_types: false });
