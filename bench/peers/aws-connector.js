// AWS's connector for node-postgres. The connector itself has the method `transaction`, which retries conflicts.

import { AuroraDSQLClient } from "@aws/aurora-dsql-node-postgres-connector";
import { pgCases } from "./pg-cases.js";
import { address } from "./address.js";

async function connect(env, options) {
  const { host, ...rest } = address(env);
  const client = new AuroraDSQLClient({
    ...rest,
    // The connector treats a host name without a dot as the identifier of a cluster, so `localhost` is set afterwards.
    host: env.CLUSTER_HOST,
    region: env.DSQL_REGION,
    customCredentialsProvider: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
    ...options,
  });
  client.host = client.dsqlConfig.host = host;
  await client.connect();
  return client;
}

export default pgCases(connect, (client, work) => client.transaction(work));
