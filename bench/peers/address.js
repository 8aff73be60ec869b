// Returns the address of the server in the form that both postgres.js and pg accept.

export function address(env) {
  const [host, port] = env.DSQL_ENDPOINT.split(":");
  return { host, port: Number(port), user: "admin", database: "postgres" };
}
