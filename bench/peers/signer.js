// A token for DSQL, as in AWS's examples for JavaScript ("Aurora DSQL and Node.js").

import { DsqlSigner } from "@aws-sdk/dsql-signer";

export const token = (env) =>
  new DsqlSigner({
    hostname: "localhost",
    region: env.DSQL_REGION,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
  }).getDbConnectAdminAuthToken();
