package totp

import (
	"fmt"
	"strconv"

	"rsc.io/qr"
)

// quietZone is the light border that scanners need, in modules.
const quietZone = 4

// QR draws text as the data of one SVG path, one unit per module, dark where
// filled. size is the length of a side with the quiet zone, for the viewBox.
func QR(text string) (path string, size int, err error) {
	// Level M survives the reflections of a screen; more would only make the
	// modules smaller. Very long names in many-byte scripts fit at level L only.
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		code, err = qr.Encode(text, qr.L)
	}
	if err != nil {
		return "", 0, fmt.Errorf("draw a QR code of %d bytes: %w", len(text), err)
	}
	var b []byte
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if !code.Black(x, y) {
				continue
			}
			start := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			run := strconv.Itoa(x - start)
			b = append(b, 'M')
			b = strconv.AppendInt(b, int64(start+quietZone), 10)
			b = append(b, ' ')
			b = strconv.AppendInt(b, int64(y+quietZone), 10)
			b = append(b, 'h')
			b = append(b, run...)
			b = append(b, "v1h-"...)
			b = append(b, run...)
			b = append(b, 'z')
		}
	}
	return string(b), code.Size + 2*quietZone, nil
}
