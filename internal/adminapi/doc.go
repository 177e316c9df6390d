// Package adminapi is the JSON face, under /api/v1. So far it answers one question,
// who am I, for service accounts that come with login and password in each request
// (Basic authentication). A person is turned away there whatever they have proved:
// the password alone would pass a second factor by.
//
// Refusals are problems (RFC 9457) with the fault's code; the words are in the
// language that the request asks for, and never say more than a page would.
package adminapi
