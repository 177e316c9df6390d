// Package sallyport is the client of Sallyport's JSON API (/api/v1): its documents as
// Go types, refusals as errors with a code, lists as iterators. It needs the standard
// library alone. The server answers with these very types, so they are the API.
//
//	c, err := sallyport.New("https://id.example.com", sallyport.ClientCredentials(id, secret))
//	for t, err := range c.Tenants(ctx, sallyport.TenantQuery{}) { … }
//
// What a program reads it should take as open: a later release may add fields and words.
package sallyport
