// Drives oauth4webapi against a provider, a call for each message. The browser's part is
// done by whoever started this: a line of JSON asks for it, and a line comes back.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import assert from 'node:assert/strict'
import { pathToFileURL } from 'node:url'

const args = JSON.parse(process.argv[2])
const oauth = await import(pathToFileURL(createRequire(args.modules + '/').resolve('oauth4webapi')))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const ask = async (what) => {
  console.log(JSON.stringify(what))
  return JSON.parse((await lines.next()).value)
}
const done = (step) => console.log(JSON.stringify({ done: step }))
const plain = { [oauth.allowInsecureRequests]: true }

const issuer = new URL(args.issuer)
for (const algorithm of ['oidc', 'oauth2']) {
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...plain }))
  assert.equal(as.issuer, args.issuer)
}
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain))
const client = { client_id: args.page.id, [oauth.clockSkew]: args.skew }
const auth = oauth.None()
done('discovery')

const verifier = oauth.generateRandomCodeVerifier(), state = oauth.generateRandomState(), nonce = oauth.generateRandomNonce()
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
const params = new URLSearchParams({ client_id: client.client_id, redirect_uri: args.callback, response_type: 'code', scope: 'openid email', state, nonce,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' })
const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, auth, params, { DPoP, ...plain }))
const to = new URL(as.authorization_endpoint)
to.search = new URLSearchParams({ client_id: client.client_id, request_uri })
const { url } = await ask({ visit: to.href })
const callback = oauth.validateAuthResponse(as, client, new URL(url), state)
const exchange = () => oauth.authorizationCodeGrantRequest(as, client, auth, callback, args.callback, verifier, { DPoP, ...plain })
const got = await oauth.processAuthorizationCodeResponse(as, client, await exchange(), { expectedNonce: nonce, requireIdToken: true })
const claims = oauth.getValidatedIdTokenClaims(got)
assert.equal(got.token_type, 'dpop')
done('par, code, dpop')

const keys = await oauth.userInfoRequest(as, client, got.access_token, { DPoP, ...plain })
assert.equal((await oauth.processUserInfoResponse(as, client, claims.sub, keys)).sub, claims.sub)
const next = await oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, auth, got.refresh_token, { DPoP, ...plain }))
assert.ok(next.access_token)
// The library checks the token as a server with an API does (RFC 9068), signature and proof and all.
const request = new Request(args.issuer + '/api', { headers: { authorization: `Bearer ${args.token}` } })
assert.equal((await oauth.validateJwtAccessToken(as, request, args.issuer, { ...plain, [oauth.clockSkew]: args.skew })).iss, args.issuer)
done('userinfo, refresh, access token')

await assert.rejects(async () => oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, auth, got.refresh_token, { DPoP, ...plain })), { error: 'invalid_grant' })
await assert.rejects(async () => oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, auth, next.refresh_token, { DPoP, ...plain })), { error: 'invalid_grant' })
done('reuse')
process.exit(0)
