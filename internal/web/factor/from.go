package factor

import (
	"sallyport/internal/enrol"
	"sallyport/internal/web"
)

// FromSetup is what the page shows of a secret that waits for its first code.
func FromSetup(s enrol.Setup, typed string) (Setup, error) {
	uri := s.URI()
	path, size, err := enrol.QR(uri)
	if err != nil {
		return Setup{}, err
	}
	return Setup{QR: web.QR{Path: path, Size: size}, URI: uri, Key: s.Key(), Account: s.Factor.Doc.Account, Issuer: s.Factor.Doc.Issuer,
		Digits: s.Params.Digits, Period: s.Params.Period, Algorithm: "SHA-1", Typed: typed}, nil
}
