// Where a client connects to, in the form that postgres.js and pg share.

export function address(env) {
  const [host, port] = env.DSQL_ENDPOINT.split(":");
  return { host, port: Number(port), user: "admin", database: "postgres" };
}
