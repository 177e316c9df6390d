package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
)

// MasterKeyBytes is the length of a master key before encoding.
const MasterKeyBytes = 32

// Master holds the keys that wrap the key ring. The first wraps, all unwrap:
// changing the file is adding a new first line, rewrapping, and then taking the
// old line away.
type Master struct {
	// Behind a pointer, so that printing a struct that holds a Master can
	// never print a key.
	keys    *[]*subtle.AESGCM
	warning string
}

// LoadMaster reads a file with one base64 key of 32 bytes a line. Empty lines
// and lines that begin with # are skipped. See Warning for what is allowed but
// unwise.
func LoadMaster(path string) (Master, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Master{}, fmt.Errorf("master key file %s does not exist: without it nothing sealed in the store can be opened; restore it from where it was kept, or create one for a new store: %w", path, err)
	}
	if err != nil {
		return Master{}, fmt.Errorf("read the master key file: %w", err)
	}
	m, err := ParseMaster(string(text))
	if err != nil {
		return Master{}, fmt.Errorf("master key file %s: %w", path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Master{}, fmt.Errorf("read the master key file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		m.warning = fmt.Sprintf("master key file %s has mode %04o: other accounts of this machine may read it; 0600 is enough", path, mode)
	}
	return m, nil
}

// MasterText is a new master key as a line of its file.
func MasterText() string { return base64.StdEncoding.EncodeToString(Random(MasterKeyBytes)) }

// ParseMaster reads the text of a master key file.
func ParseMaster(text string) (Master, error) {
	var keys []*subtle.AESGCM
	seen := make(map[string]int)
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			// The decoder's own message may quote a piece of the key.
			return Master{}, fmt.Errorf("line %d is not base64", i+1)
		}
		if len(key) != MasterKeyBytes {
			return Master{}, fmt.Errorf("line %d holds %d bytes, a master key has %d", i+1, len(key), MasterKeyBytes)
		}
		if first, twice := seen[string(key)]; twice {
			return Master{}, fmt.Errorf("line %d repeats the key of line %d", i+1, first)
		}
		seen[string(key)] = i + 1
		cipher, err := subtle.NewAESGCM(key)
		if err != nil {
			return Master{}, fmt.Errorf("line %d: %w", i+1, err)
		}
		keys = append(keys, cipher)
	}
	if len(keys) == 0 {
		return Master{}, errors.New("holds no key")
	}
	return Master{keys: &keys}, nil
}

// CreateMaster writes a new file with one key, readable by its owner only, and
// loads it. A file that exists is never overwritten: losing a master key loses
// everything sealed under it.
func CreateMaster(path string) (Master, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Master{}, fmt.Errorf("create the master key file: %w", err)
	}
	_, err = file.WriteString(MasterText() + "\n")
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		// Half a key file would stop the next start with a confusing message.
		_ = os.Remove(path)
		return Master{}, fmt.Errorf("write the master key file: %w", err)
	}
	return LoadMaster(path)
}

// syncFolder makes the new name as durable as the content.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// Warning is empty, or a sentence for the operator about how the file is kept.
func (m Master) Warning() string { return m.warning }

// Len is the number of keys.
func (m Master) Len() int {
	if m.keys == nil {
		return 0
	}
	return len(*m.keys)
}

// String keeps keys out of logs.
func (m Master) String() string { return fmt.Sprintf("master(%d keys)", m.Len()) }

func (m Master) wrap(plain, bind []byte) ([]byte, error) {
	return (*m.keys)[0].Encrypt(plain, bind)
}

// unwrap says which key opened it, counted from 0.
func (m Master) unwrap(wrapped, bind []byte) (plain []byte, by int, err error) {
	for i, key := range *m.keys {
		if plain, err := key.Decrypt(wrapped, bind); err == nil {
			return plain, i, nil
		}
	}
	return nil, 0, errNotOurs
}

var errNotOurs = errors.New("no master key opens it")
