package totp

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// draw fills the path's rectangles as a browser would.
func draw(t *testing.T, path string, size, scale int) *image.Gray {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	form := regexp.MustCompile(`^M(\d+) (\d+)h(\d+)v1h-(\d+)$`)
	for _, part := range strings.Split(strings.TrimSuffix(path, "z"), "z") {
		m := form.FindStringSubmatch(part)
		if m == nil || m[3] != m[4] {
			t.Fatalf("the path holds %q", part)
		}
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		w, _ := strconv.Atoi(m[3])
		if x < quietZone || y < quietZone || x+w > size-quietZone || y+1 > size-quietZone {
			t.Fatalf("%q reaches into the quiet zone of a code of %d", part, size)
		}
		for py := y * scale; py < (y+1)*scale; py++ {
			for px := x * scale; px < (x+w)*scale; px++ {
				img.SetGray(px, py, color.Gray{})
			}
		}
	}
	return img
}

// The drawn code is read back by a decoder that is not ours.
func TestQRCodeCanBeScanned(t *testing.T) {
	tool, err := exec.LookPath("zbarimg")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("zbarimg is not installed")
		}
		t.Skip("zbarimg is not installed: the drawn codes were not read back")
	}
	for i, uri := range []string{
		URI("Sallyport", "anna@example.com", []byte("12345678901234567890"), DefaultParams()),
		URI("Müller & Söhne GmbH", "jürgen.müller+büro@beispiel.example", NewSecret(), Params{Digits: 8, Period: 30, Algorithm: SHA256}),
		URI(strings.Repeat("Länge ", 16), strings.Repeat("a", 64)+"@"+strings.Repeat("b", 60)+".example", NewSecret(), DefaultParams()),
	} {
		path, size, err := QR(uri)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), fmt.Sprintf("%d.png", i))
		file, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(file, draw(t, path, size, 4)); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tool, "--quiet", "--raw", name).Output() // it complains about D-Bus on the other stream
		if err != nil {
			t.Fatalf("code %d: %v", i, err)
		}
		if got := strings.TrimSpace(string(out)); got != uri {
			t.Errorf("scanned\n%s, want\n%s", got, uri)
		}
	}
}

func TestQRShape(t *testing.T) {
	path, size, err := QR("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	if err != nil {
		t.Fatal(err)
	}
	if size < 21+2*quietZone || (size-2*quietZone-17)%4 != 0 {
		t.Errorf("a side of %d modules", size)
	}
	img := draw(t, path, size, 1)
	// The finder pattern in three corners, not in the fourth.
	for _, corner := range [][2]int{{4, 4}, {size - 11, 4}, {4, size - 11}} {
		for i := range 7 {
			if img.GrayAt(corner[0]+i, corner[1]).Y != 0 || img.GrayAt(corner[0], corner[1]+i).Y != 0 {
				t.Errorf("no finder pattern at %v", corner)
			}
		}
	}
	if _, _, err := QR(strings.Repeat("x", 3000)); err == nil {
		t.Error("3000 bytes fit into a QR code")
	}
	if _, _, err := QR(strings.Repeat("x", 2500)); err != nil {
		t.Errorf("2500 bytes, which fit at level L: %v", err)
	}
}
