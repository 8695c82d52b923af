package sheet

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

var (
	bomUTF8    = []byte{0xEF, 0xBB, 0xBF}
	bomUTF16LE = []byte{0xFF, 0xFE}
	bomUTF16BE = []byte{0xFE, 0xFF}
)

// encodingOf finds the encoding of a text file from its bytes, all of them: one accent may stand in the last row.
// bom is the length of the byte order mark. want is the sender's own choice, or empty.
func encodingOf(r io.ReaderAt, size int64, want string) (enc string, bom int64, err error) {
	head := make([]byte, min(size, 64<<10))
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, bomUTF8):
		enc, bom = UTF8, 3
	case bytes.HasPrefix(head, bomUTF16LE):
		enc, bom = UTF16LE, 2
	case bytes.HasPrefix(head, bomUTF16BE):
		enc, bom = UTF16BE, 2
	}
	if want != "" {
		return wanted(want, enc, bom)
	}
	if enc != "" {
		return enc, bom, nil
	}
	if enc, ok := utf16Without(head); ok {
		return enc, 0, nil
	}
	enc, err = singleByteOrUTF8(r, size)
	return enc, 0, err
}

func wanted(want, found string, bom int64) (string, int64, error) {
	enc := ""
	switch strings.NewReplacer("_", "-", " ", "").Replace(strings.ToLower(want)) {
	case "utf-8", "utf8", "utf-8-sig":
		enc = UTF8
	case "utf-16":
		if enc = found; found != UTF16BE {
			enc = UTF16LE
		}
	case "utf-16le", "utf-16-le":
		enc = UTF16LE
	case "utf-16be", "utf-16-be":
		enc = UTF16BE
	case "windows-1252", "cp1252", "latin1", "latin-1", "iso-8859-1":
		enc = Windows1252
	default:
		return "", 0, refuse("unknown_encoding", "The encoding option is not known. Use utf-8, utf-16le, utf-16be or windows-1252, or leave it out.")
	}
	if found == "" || found == enc {
		return enc, bom, nil
	}
	if enc == Windows1252 {
		return enc, 0, nil // the mark is then three odd characters, which is what was asked for
	}
	return "", 0, refuse("wrong_encoding", "The file says by its first bytes that it is %s. Leave the encoding option out, or choose that one.", found)
}

// utf16Without recognises UTF-16 without a byte order mark. In Latin text every second byte is NUL; in other scripts only
// blanks, commas and line ends have one, so there it takes a line end of two bytes besides.
func utf16Without(b []byte) (string, bool) {
	b = b[:len(b)&^1]
	var even, odd, lineEnds int
	for i := 0; i < len(b); i += 2 {
		switch {
		case b[i] == 0:
			even++
			if b[i+1] == '\n' || b[i+1] == '\r' {
				lineEnds++
			}
		case b[i+1] == 0:
			odd++
			if b[i] == '\n' || b[i] == '\r' {
				lineEnds++
			}
		}
	}
	enc, nul, other := UTF16BE, even, odd
	if odd > even {
		enc, nul, other = UTF16LE, odd, even
	}
	pairs := len(b) / 2
	if nul == 0 || other*10 > nul {
		return "", false
	}
	return enc, nul*4 >= pairs || lineEnds > 0 && other == 0 && nul > 1 && nul*50 >= pairs
}

// singleByteOrUTF8 weighs a whole file: one that is mostly good UTF-8 with a few stray bytes stays UTF-8, so that only the
// rows with those bytes are damaged; one without a single good sequence was written as Windows-1252.
func singleByteOrUTF8(r io.ReaderAt, size int64) (string, error) {
	var good, bad, undefined int
	buf := make([]byte, 64<<10)
	keep := 0
	src := io.NewSectionReader(r, 0, size)
	for {
		n, err := io.ReadFull(src, buf[keep:])
		b := buf[:keep+n]
		last := err != nil
		if last && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return "", err
		}
		i := 0
		for i < len(b) {
			if b[i] < utf8.RuneSelf {
				i++
				continue
			}
			if !last && !utf8.FullRune(b[i:]) {
				break
			}
			c, w := utf8.DecodeRune(b[i:])
			if c == utf8.RuneError && w == 1 {
				bad++
				if bytes.IndexByte([]byte{0x81, 0x8D, 0x8F, 0x90, 0x9D}, b[i]) >= 0 {
					undefined++
				}
			} else {
				good++
			}
			i += w
		}
		keep = copy(buf, b[i:])
		if last {
			break
		}
	}
	if good*10 >= bad { // Windows-1252 text hardly ever looks like UTF-8 by chance
		return UTF8, nil
	}
	if undefined > 0 {
		return "", refuse("unknown_encoding", "The text is neither UTF-8 nor UTF-16 nor Windows-1252, so its letters cannot be told. Save the file as \"CSV UTF-8\", or as .xlsx.")
	}
	return Windows1252, nil
}

// decoded gives the text of a file as UTF-8. UTF-8 itself is passed on byte by byte, stray bytes included.
func decoded(r io.ReaderAt, size int64, enc string, bom int64) io.Reader {
	src := io.NewSectionReader(r, bom, size-bom)
	switch enc {
	case UTF16LE:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder().Reader(src)
	case UTF16BE:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder().Reader(src)
	case Windows1252:
		return charmap.Windows1252.NewDecoder().Reader(src)
	}
	return src
}
