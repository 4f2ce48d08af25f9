// A certified OpenID provider with its own sign-in screen, for one test run: node provider.mjs PORT REDIRECT_URI
// Prints one line of JSON when it listens. Anybody may sign in with any name: the name is the subject.
// The programs crm and stranger get access tokens with the same secret, for whatever audience they ask for.
import { randomBytes } from "node:crypto";
import Provider from "oidc-provider";

const [port, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const secret = randomBytes(32).toString("base64url");
const groups = { robin: ["everything"], kim: ["north"], alex: [] };

const program = (id) => ({
  client_id: id,
  client_secret: secret,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
});

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "rapport",
      client_secret: secret,
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [redirectUri],
    },
    program("crm"),
    program("stranger"),
  ],
  scopes: ["openid", "profile", "groups"],
  claims: { openid: ["sub"], profile: ["name"], groups: ["groups"] },
  // by default only UserInfo tells name and groups, as the specification has it
  pkce: { required: () => true },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, audience) => ({
        audience,
        scope: "responses:write figures:read",
        accessTokenFormat: "jwt",
      }),
    },
  },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `${id} of the provider`, groups: groups[id] ?? [] }),
  }),
});

provider.listen(Number(port), "127.0.0.1", () => console.log(JSON.stringify({ issuer, secret })));
