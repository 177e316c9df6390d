// Drives openid-client against a provider. The browser's part is done by whoever
// started this: a line of JSON asks for it, and a line comes back.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import assert from 'node:assert/strict'
import { pathToFileURL } from 'node:url'

const args = JSON.parse(process.argv[2])
const client = await import(pathToFileURL(createRequire(args.modules + '/').resolve('openid-client')))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const ask = async (what) => {
  console.log(JSON.stringify(what))
  return JSON.parse((await lines.next()).value)
}
const done = (step) => console.log(JSON.stringify({ done: step }))

const discover = (id, secret) => client.discovery(new URL(args.issuer), id, { [client.clockSkew]: args.skew }, secret ? client.ClientSecretBasic(secret) : client.None(),
  { execute: [client.allowInsecureRequests] })

// signIn goes the way of a code with PKCE, state and nonce; push sends the request ahead.
const signIn = async (config, { push = false, dpop, ...more } = {}) => {
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce()
  const params = { redirect_uri: args.callback, scope: 'openid profile offline_access', code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256', state, nonce, ...more }
  const options = dpop ? { DPoP: dpop } : undefined
  const to = push ? await client.buildAuthorizationUrlWithPAR(config, params, options) : client.buildAuthorizationUrl(config, params)
  const { url } = await ask({ visit: to.href })
  return client.authorizationCodeGrant(config, new URL(url), { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }, undefined, options)
}

const server = await discover(args.server.id, args.server.secret)

// Code with PKCE, userinfo, refresh, introspection, revocation; a token used again.
const first = await signIn(server)
const claims = first.claims()
assert.equal(claims.acr, 'urn:sallyport:mfa')
assert.equal((await client.fetchUserInfo(server, first.access_token, claims.sub)).sub, claims.sub)
const second = await client.refreshTokenGrant(server, first.refresh_token)
assert.equal(second.claims().sub, claims.sub)
assert.equal((await client.tokenIntrospection(server, second.access_token)).active, true)
done('code, refresh')

// Pushed.
const pushed = await signIn(server, { push: true })
assert.equal(pushed.claims().sub, claims.sub)
await client.tokenRevocation(server, pushed.refresh_token)
assert.equal((await client.tokenIntrospection(server, pushed.access_token)).active, false)
done('par')

// A program of its own.
assert.ok((await client.clientCredentialsGrant(server, { scope: 'read' })).access_token)
done('client credentials')

// Bound to a key, with a nonce that the server asks for and the library brings along.
const bound = await discover(args.bound.id, args.bound.secret)
const dpop = client.getDPoPHandle(bound, await client.randomDPoPKeyPair('ES256'))
const proved = await signIn(bound, { dpop })
assert.equal(proved.token_type, 'dpop')
assert.equal((await client.fetchUserInfo(bound, proved.access_token, claims.sub, { DPoP: dpop })).sub, claims.sub)
assert.ok((await client.refreshTokenGrant(bound, proved.refresh_token, undefined, { DPoP: dpop })).access_token)
await assert.rejects(client.fetchUserInfo(bound, proved.access_token, claims.sub))
done('dpop')

// A device: the library asks in the rhythm that it is told.
const device = await discover(args.device.id)
const begun = await client.initiateDeviceAuthorization(device, { scope: 'openid' })
assert.equal(begun.interval, 5)
await ask({ device: begun.user_code })
const let_in = await client.pollDeviceAuthorizationGrant(device, { ...begun, interval: 0.01 })
assert.equal(let_in.claims().sub, claims.sub)
const refused = await client.initiateDeviceAuthorization(device, { scope: 'openid' })
await ask({ deny: refused.user_code })
await assert.rejects(client.pollDeviceAuthorizationGrant(device, { ...refused, interval: 0.01 }), { error: 'access_denied' })
done('device')

// Acting for the person, with the token that was sent.
const acting = await discover(args.acting.id, args.acting.secret)
const forAPI = await signIn(server, { scope: 'openid read write', resource: args.api })
const exchanged = await client.genericGrantRequest(acting, 'urn:ietf:params:oauth:grant-type:token-exchange',
  { subject_token: forAPI.access_token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', scope: 'read' })
assert.equal(exchanged.issued_token_type, 'urn:ietf:params:oauth:token-type:access_token')
const body = JSON.parse(Buffer.from(exchanged.access_token.split('.')[1], 'base64url'))
assert.deepEqual([body.sub, body.act, body.scope], [claims.sub, { sub: args.acting.id }, 'read'])
done('exchange')

const out = client.buildEndSessionUrl(server, { id_token_hint: second.id_token, post_logout_redirect_uri: args.bye, state: 'bye' })
assert.equal((await ask({ leave: out.href })).url, args.bye + '?state=bye')
done('logout')
process.exit(0)
