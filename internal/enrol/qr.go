package enrol

import "sallyport/internal/factor/totp"

// QR draws a URI as the path of its dark modules in a square of size modules,
// quiet zone included.
func QR(uri string) (path string, size int, err error) { return totp.QR(uri) }
