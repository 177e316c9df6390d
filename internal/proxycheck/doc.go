// Package proxycheck is the face for apps that stand behind a reverse proxy and speak
// no protocol. The proxy asks about each request, in one of three ways: /forward-auth
// (Caddy, Traefik), /auth-request (nginx), /ext-authz (Envoy); it lets pass what is
// answered with 2xx and hands the headers Remote-User, -Name, -Email, -Groups, -Tenant
// and -Acr to the app.
//
// The session's cookie never reaches the app's host. Whoever has no cookie there is
// sent to the sign-in, comes back to /.sallyport/callback on that host with a ticket,
// and gets a cookie of that host for it, which stands for a sign-in to the app (a
// family, as an OAuth app has one) and ends with the session.
//
// Each of the three reads only those headers that its proxy writes itself, and only
// from listed proxies. What is not known, or may be read in two ways, is denied.
package proxycheck
