// Command tlog checks a proof folder of the Zhixing transparency log with code that is not ours: the signed notes and
// the Merkle tree of the Go module checksum database (golang.org/x/mod/sumdb/note and /tlog).
//
//	go run . verify FOLDER             exit 0 verified, 1 refused, 2 the folder cannot be read or bad usage
//	go run . make FOLDER OLD SIZE INDEX   writes such a folder, for the other implementation to verify
//
// Files of a proof folder:
//
//	vkey          verifier key of the log, one line: name+hash+base64; the name is the log's origin
//	checkpoint    C2SP checkpoint: a signed note of origin, size and root
//	leaf          the logged record, raw bytes (68 of them)
//	index         number of the record in the log, decimal, one line
//	inclusion     hashes of the inclusion proof, hexadecimal, one a line, leaf to root
//	older         optional: an earlier checkpoint of the same log
//	consistency   with older: hashes of the consistency proof, hexadecimal, one a line, in the order of RFC 6962
//	tile/…        optional: the static files of C2SP tlog-tiles. With them the inclusion proof is also made again from
//	              tiles alone and must be the same, and the bundle of entries that holds the record must fit the tiles.
//
// `make` adds a second, unknown signature to each checkpoint, writes no tiles, and writes the file witness (the vkey of
// that second signature).
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	exitRefused  = 1
	exitUnusable = 2
	// tileHeight is fixed by C2SP tlog-tiles; the checksum database names it in its paths, tlog-tiles does not.
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// unusable marks an error of the folder, not of the proof: a test for refusal must not pass on a missing file.
type unusable struct{ error }

func main() {
	err := run(os.Args[1:])
	var broken unusable
	switch {
	case err == nil:
		return
	case errors.As(err, &broken):
		fmt.Fprintln(os.Stderr, "unusable:", err)
		os.Exit(exitUnusable)
	default:
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(exitRefused)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "verify":
		return verify(folder(args[1]))
	case len(args) == 5 && args[0] == "make":
		var numbers [3]int64
		for i, text := range args[2:] {
			number, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return unusable{err}
			}
			numbers[i] = number
		}
		return writeFolder(folder(args[1]), numbers[0], numbers[1], numbers[2])
	}
	return unusable{errors.New("usage: tlog verify FOLDER | tlog make FOLDER OLD SIZE INDEX")}
}

// folder is a proof folder.
type folder string

func (f folder) read(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(f), filepath.FromSlash(name)))
	if err != nil {
		return nil, unusable{err}
	}
	return data, nil
}

func (f folder) has(name string) (bool, error) {
	_, err := os.Stat(filepath.Join(string(f), name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, unusable{err}
	}
	return true, nil
}

func (f folder) write(name, text string) error {
	if err := os.WriteFile(filepath.Join(string(f), name), []byte(text), 0o644); err != nil {
		return unusable{err}
	}
	return nil
}

// hashes reads hexadecimal hashes, one a line.
func (f folder) hashes(name string) ([]tlog.Hash, error) {
	data, err := f.read(name)
	if err != nil {
		return nil, err
	}
	var hashes []tlog.Hash
	for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		if line == "" && len(data) == 0 {
			break
		}
		raw, err := hex.DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, fmt.Errorf("%s: %q is no hash", name, line)
		}
		hashes = append(hashes, tlog.Hash(*(*[tlog.HashSize]byte)(raw)))
	}
	return hashes, nil
}

// checkpoint opens a signed note and reads origin, size and root; only a note signed by the log's key opens.
func (f folder) checkpoint(name string, key note.Verifier) (tlog.Tree, error) {
	data, err := f.read(name)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(key))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s: %w", name, err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != key.Name() {
		return tlog.Tree{}, fmt.Errorf("%s: not a checkpoint of %s", name, key.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return tlog.Tree{}, fmt.Errorf("%s: size %q", name, lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s: root %q", name, lines[2])
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

func verify(f folder) error {
	vkey, err := f.read("vkey")
	if err != nil {
		return err
	}
	key, err := note.NewVerifier(strings.TrimSuffix(string(vkey), "\n"))
	if err != nil {
		return fmt.Errorf("vkey: %w", err)
	}
	tree, err := f.checkpoint("checkpoint", key)
	if err != nil {
		return err
	}
	leaf, err := f.read("leaf")
	if err != nil {
		return err
	}
	text, err := f.read("index")
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimSuffix(string(text), "\n"), 10, 64)
	if err != nil || index < 0 || index >= tree.N {
		return fmt.Errorf("index %q is outside the log of %d records", text, tree.N)
	}
	inclusion, err := f.hashes("inclusion")
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(inclusion, tree.N, tree.Hash, index, tlog.RecordHash(leaf)); err != nil {
		return fmt.Errorf("inclusion: %w", err)
	}

	older, err := f.has("older")
	if err != nil {
		return err
	}
	if older {
		if err := verifyConsistency(f, key, tree); err != nil {
			return err
		}
	}
	tiles, err := f.has("tile")
	if err != nil {
		return err
	}
	if tiles {
		if err := verifyTiles(f, tree, index, leaf, inclusion); err != nil {
			return err
		}
	}
	fmt.Printf("verified: record %d of %d in %s (older checkpoint: %t, tiles: %t)\n", index, tree.N, key.Name(), older, tiles)
	return nil
}

func verifyConsistency(f folder, key note.Verifier, tree tlog.Tree) error {
	old, err := f.checkpoint("older", key)
	if err != nil {
		return err
	}
	proof, err := f.hashes("consistency")
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	return nil
}

// tiles reads static files; tlog.TileHashReader checks what it reads against the root before anybody uses it.
type tiles struct{ folder }

func (tiles) Height() int { return tileHeight }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := t.read(tilePath(tile))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// tilePath turns tile/8/0/x001/234 of the checksum database into tile/0/x001/234 of tlog-tiles.
func tilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	if entries := strings.TrimPrefix(path, "data/"); entries != path {
		path = "entries/" + entries
	}
	return "tile/" + path
}

func verifyTiles(f folder, tree tlog.Tree, index int64, leaf []byte, inclusion []tlog.Hash) error {
	reader := tlog.TileHashReader(tree, tiles{f})
	proof, err := tlog.ProveRecord(tree.N, index, reader)
	if err != nil {
		return fmt.Errorf("tiles: %w", err)
	}
	if len(proof) != len(inclusion) {
		return fmt.Errorf("the tiles give a proof of %d hashes, not %d", len(proof), len(inclusion))
	}
	for i := range proof {
		if proof[i] != inclusion[i] {
			return fmt.Errorf("the tiles give another proof, hash %d", i)
		}
	}

	first := index / tileWidth * tileWidth
	width := tree.N - first
	if width > tileWidth {
		width = tileWidth
	}
	bundle := tlog.Tile{H: tileHeight, L: -1, N: index / tileWidth, W: int(width)}
	data, err := f.read(tilePath(bundle))
	if err != nil {
		return err
	}
	var stored []int64
	for i := int64(0); i < width; i++ {
		stored = append(stored, tlog.StoredHashIndex(0, first+i))
	}
	hashes, err := reader.ReadHashes(stored)
	if err != nil {
		return fmt.Errorf("tiles: %w", err)
	}
	for i := int64(0); i < width; i++ {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return fmt.Errorf("the bundle of entries ends before entry %d", first+i)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entry := data[2:end]
		if tlog.RecordHash(entry) != hashes[i] {
			return fmt.Errorf("entry %d does not fit the tiles", first+i)
		}
		if first+i == index && !bytes.Equal(entry, leaf) {
			return fmt.Errorf("entry %d is another record", index)
		}
		data = data[end:]
	}
	if len(data) != 0 {
		return errors.New("the bundle of entries is too long")
	}
	return nil
}

// stored is the hash storage of the checksum database in memory.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		hashes = append(hashes, s[index])
	}
	return hashes, nil
}

// record is a made-up record of the log: ev1\0, then two hashes.
func record(index int64) []byte {
	statement := sha256.Sum256([]byte(fmt.Sprintf("statement %d", index)))
	signature := sha256.Sum256([]byte(fmt.Sprintf("signature %d", index)))
	return append(append([]byte("ev1\x00"), statement[:]...), signature[:]...)
}

func writeFolder(f folder, old, size, index int64) error {
	if old < 1 || old > size || index < 0 || index >= size {
		return unusable{errors.New("wanted: 1 <= OLD <= SIZE and 0 <= INDEX < SIZE")}
	}
	const origin = "zhixing.test/made-by-go"
	secret, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return unusable{err}
	}
	log, err := note.NewSigner(secret)
	if err != nil {
		return unusable{err}
	}
	secret, witnessKey, err := note.GenerateKey(rand.Reader, "witness.test")
	if err != nil {
		return unusable{err}
	}
	witness, err := note.NewSigner(secret)
	if err != nil {
		return unusable{err}
	}

	var nodes stored
	for i := int64(0); i < size; i++ {
		added, err := tlog.StoredHashes(i, record(i), nodes)
		if err != nil {
			return unusable{err}
		}
		nodes = append(nodes, added...)
	}
	checkpoint := func(name string, n int64) error {
		root, err := tlog.TreeHash(n, nodes)
		if err != nil {
			return unusable{err}
		}
		text := fmt.Sprintf("%s\n%d\n%s\n", origin, n, base64.StdEncoding.EncodeToString(root[:]))
		// The witness signs first: a reader has to find the log's own line wherever it stands.
		signed, err := note.Sign(&note.Note{Text: text}, witness, log)
		if err != nil {
			return unusable{err}
		}
		return f.write(name, string(signed))
	}
	inclusion, err := tlog.ProveRecord(size, index, nodes)
	if err != nil {
		return unusable{err}
	}
	consistency, err := tlog.ProveTree(size, old, nodes)
	if err != nil {
		return unusable{err}
	}
	for _, step := range []func() error{
		func() error { return f.write("vkey", vkey+"\n") },
		func() error { return f.write("witness", witnessKey+"\n") },
		func() error { return checkpoint("checkpoint", size) },
		func() error { return checkpoint("older", old) },
		func() error { return f.write("leaf", string(record(index))) },
		func() error { return f.write("index", fmt.Sprintf("%d\n", index)) },
		func() error { return f.write("inclusion", lines(inclusion)) },
		func() error { return f.write("consistency", lines(consistency)) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func lines(hashes []tlog.Hash) string {
	var text strings.Builder
	for _, hash := range hashes {
		fmt.Fprintf(&text, "%x\n", hash[:])
	}
	return text.String()
}
