package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed assets/app.css assets/app.js assets/favicon.svg
var assetFiles embed.FS

// asset is one embedded file under the address that its bytes give it.
type asset struct {
	path string // "/assets/app.3f2a….css"
	kind string
	body []byte
}

var assets = sync.OnceValue(func() map[string]asset {
	out := map[string]asset{}
	for name, kind := range map[string]string{
		"app.css":     "text/css; charset=utf-8",
		"app.js":      "text/javascript; charset=utf-8",
		"favicon.svg": "image/svg+xml",
	} {
		body, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic("web: embedded asset " + name + ": " + err.Error())
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		out[name] = asset{
			path: "/assets/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext,
			kind: kind,
			body: body,
		}
	}
	return out
})

// Asset is the address of an embedded file. It carries a hash of the content,
// so it may be kept for ever: new bytes have a new address.
func Asset(name string) string { return assets()[name].path }

// serveAsset answers /assets/. An address of another release is a 404 and not
// the file of this one: a page and its style sheet always belong together.
func serveAsset(w http.ResponseWriter, r *http.Request) error {
	for _, a := range assets() {
		if a.path != r.URL.Path {
			continue
		}
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		w.WriteHeader(http.StatusOK)
		if r.Method != http.MethodHead {
			_, err := w.Write(a.body)
			return ignoreGone(err)
		}
		return nil
	}
	return errNoPage
}
