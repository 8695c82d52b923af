package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/encoding/unicode"
)

// The scanner's own bounds, far above anything a spreadsheet program writes.
const (
	maxTokenBytes = MaxRowBytes + 1024
	maxDepth      = 64
)

var (
	errTokenTooLong = errors.New("a part of the XML is too long")
	errMalformed    = errors.New("malformed XML")
)

type tokenKind int

const (
	tokenEnd tokenKind = iota // the end of the document
	tokenOpen
	tokenClose
	tokenText
)

// xmlScanner reads the XML of one part token by token out of one buffer. It checks that tags match, knows no DTD (a document
// with one is refused: that is where XML bombs live), and looks at local names only, since strict and transitional OOXML,
// and every writer, choose their own prefixes. Slices it gives are valid until the next call of next.
type xmlScanner struct {
	src      io.Reader
	buf      []byte
	pos, end int
	base     int64 // offset of buf[0]
	eof      bool

	name    []byte // local name of a tag
	attrs   []byte // raw attributes of an opening tag
	text    []byte // raw text
	cdata   bool   // text is literal
	closing bool   // an empty-element tag: its close comes next

	stack  []int // ends of the names in opened
	opened []byte
}

func newXMLScanner(r io.Reader) (*xmlScanner, error) {
	x := &xmlScanner{src: r, buf: make([]byte, 32<<10)}
	for x.end < 4 && !x.eof {
		if err := x.fill(); err != nil {
			return nil, err
		}
	}
	head := x.buf[:x.end]
	var wide *bool
	little, big := true, false
	switch {
	case bytes.HasPrefix(head, bomUTF8):
		x.pos = 3
	case bytes.HasPrefix(head, bomUTF16LE), bytes.HasPrefix(head, []byte("<\x00?\x00")):
		wide = &little
	case bytes.HasPrefix(head, bomUTF16BE), bytes.HasPrefix(head, []byte("\x00<\x00?")):
		wide = &big
	}
	if wide != nil { // UTF-16 is legal in OOXML, though no common program writes it
		endian := unicode.BigEndian
		if *wide {
			endian = unicode.LittleEndian
		}
		rest := io.MultiReader(bytes.NewReader(bytes.Clone(head)), r)
		x.src, x.pos, x.end, x.eof = unicode.UTF16(endian, unicode.UseBOM).NewDecoder().Reader(rest), 0, 0, false
	}
	return x, nil
}

// offset is how many bytes of the part were consumed.
func (x *xmlScanner) offset() int64 { return x.base + int64(x.pos) }

// fill reads more behind what is not yet consumed.
func (x *xmlScanner) fill() error {
	if x.pos > 0 {
		copy(x.buf, x.buf[x.pos:x.end])
		x.base += int64(x.pos)
		x.end -= x.pos
		x.pos = 0
	}
	if x.end == len(x.buf) {
		if len(x.buf) >= maxTokenBytes {
			return errTokenTooLong
		}
		x.buf = append(x.buf, make([]byte, min(len(x.buf), maxTokenBytes-len(x.buf)))...)
	}
	for range 100 {
		n, err := x.src.Read(x.buf[x.end:])
		x.end += n
		if errors.Is(err, io.EOF) {
			x.eof = true
			return nil
		}
		if err != nil || n > 0 {
			return err
		}
	}
	return io.ErrNoProgress
}

// findByte is find for one byte.
func (x *xmlScanner) findByte(c byte, from int) (int, error) {
	for {
		if x.pos+from < x.end {
			if i := bytes.IndexByte(x.buf[x.pos+from:x.end], c); i >= 0 {
				return x.pos + from + i, nil
			}
		}
		if x.eof {
			return -1, nil
		}
		from = max(from, x.end-x.pos)
		if err := x.fill(); err != nil {
			return -1, err
		}
	}
}

// find gives the index of sep behind pos+from, or -1 at the end of the document.
func (x *xmlScanner) find(sep string, from int) (int, error) {
	for {
		if i := bytes.Index(x.buf[min(x.pos+from, x.end):x.end], []byte(sep)); i >= 0 {
			return x.pos + from + i, nil
		}
		if x.eof {
			return -1, nil
		}
		from = max(from, x.end-x.pos-len(sep)+1)
		if err := x.fill(); err != nil {
			return -1, err
		}
	}
}

func (x *xmlScanner) next() (tokenKind, error) {
	if x.closing {
		x.closing = false
		return tokenClose, x.pop(x.name)
	}
	for {
		for x.end-x.pos < 9 && !x.eof { // 9: the longest mark that is looked at, <![CDATA[
			if err := x.fill(); err != nil {
				return 0, err
			}
		}
		rest := x.buf[x.pos:x.end]
		switch {
		case len(rest) == 0:
			if len(x.stack) > 0 {
				return 0, fmt.Errorf("%w: it ends inside <%s>", errMalformed, x.top())
			}
			return tokenEnd, nil
		case rest[0] != '<':
			return tokenText, x.readText()
		case len(rest) < 3:
			return 0, errMalformed
		case rest[1] == '/':
			return tokenClose, x.readClose()
		case rest[1] != '?' && rest[1] != '!':
			return tokenOpen, x.readOpen()
		case bytes.HasPrefix(rest, []byte("<?")):
			if err := x.skip("?>", 2); err != nil {
				return 0, err
			}
		case bytes.HasPrefix(rest, []byte("<!--")):
			if err := x.skip("-->", 4); err != nil {
				return 0, err
			}
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			end, err := x.find("]]>", 9)
			if err != nil || end < 0 {
				return 0, orMalformed(err)
			}
			x.text, x.cdata, x.pos = x.buf[x.pos+9:end], true, end+3
			return tokenText, nil
		default:
			return 0, fmt.Errorf("%w: a document type declaration", errMalformed)
		}
	}
}

func orMalformed(err error) error {
	if err == nil {
		err = errMalformed
	}
	return err
}

func (x *xmlScanner) skip(sep string, from int) error {
	end, err := x.find(sep, from)
	if err != nil || end < 0 {
		return orMalformed(err)
	}
	x.pos = end + len(sep)
	return nil
}

// readText takes all text up to the next tag, so that neither an entity nor a letter is ever cut at a buffer's border.
func (x *xmlScanner) readText() error {
	end, err := x.findByte('<', 0)
	if err != nil {
		return err
	}
	if end < 0 {
		end = x.end
	}
	x.text, x.cdata, x.pos = x.buf[x.pos:end], false, end
	return nil
}

func (x *xmlScanner) readClose() error {
	end, err := x.findByte('>', 2)
	if err != nil || end < 0 {
		return orMalformed(err)
	}
	name := x.buf[x.pos+2 : end]
	for len(name) > 0 && isSpace(name[len(name)-1]) {
		name = name[:len(name)-1]
	}
	x.name = localName(name)
	x.pos = end + 1
	return x.pop(x.name)
}

func (x *xmlScanner) readOpen() error {
	end, err := x.tagEnd()
	if err != nil {
		return err
	}
	tag := x.buf[x.pos+1 : end]
	x.pos = end + 1
	if n := len(tag); n > 0 && tag[n-1] == '/' {
		tag, x.closing = tag[:n-1], true
	}
	n := 0
	for n < len(tag) && !isSpace(tag[n]) {
		n++
	}
	x.name, x.attrs = localName(tag[:n]), tag[n:]
	if len(x.name) == 0 || len(x.stack) >= maxDepth {
		return errMalformed
	}
	x.opened = append(x.opened, x.name...)
	x.stack = append(x.stack, len(x.opened))
	return nil
}

// tagEnd gives the index of the ">" that ends the tag at pos; one inside an attribute is legal and ends nothing.
func (x *xmlScanner) tagEnd() (int, error) {
	var quote byte
	for i := 1; ; i++ {
		for x.pos+i >= x.end {
			if x.eof {
				return 0, errMalformed
			}
			if err := x.fill(); err != nil {
				return 0, err
			}
		}
		switch c := x.buf[x.pos+i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '>':
			return x.pos + i, nil
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			return 0, errMalformed
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func localName(b []byte) []byte { return b[bytes.IndexByte(b, ':')+1:] }

func (x *xmlScanner) top() []byte {
	n := len(x.stack)
	from := 0
	if n > 1 {
		from = x.stack[n-2]
	}
	return x.opened[from:x.stack[n-1]]
}

func (x *xmlScanner) pop(name []byte) error {
	if len(x.stack) == 0 || !bytes.Equal(x.top(), name) {
		return fmt.Errorf("%w: </%.40s> closes nothing", errMalformed, name)
	}
	x.opened = x.opened[:len(x.opened)-len(name)]
	x.stack = x.stack[:len(x.stack)-1]
	return nil
}

// skipElement passes over everything inside the element that was opened last.
func (x *xmlScanner) skipElement() error {
	for depth := len(x.stack); ; {
		k, err := x.next()
		if err != nil {
			return err
		}
		if k == tokenClose && len(x.stack) < depth {
			return nil
		}
	}
}

// eachAttr calls f with local name and raw value of each attribute of the last opening tag.
func (x *xmlScanner) eachAttr(f func(name, raw []byte)) error {
	b := x.attrs
	for {
		b = skipSpace(b)
		if len(b) == 0 {
			return nil
		}
		eq := bytes.IndexByte(b, '=')
		if eq < 1 {
			return fmt.Errorf("%w: an attribute without a value", errMalformed)
		}
		name := b[:eq]
		for isSpace(name[len(name)-1]) { // it starts with no space
			name = name[:len(name)-1]
		}
		b = skipSpace(b[eq+1:])
		if len(b) < 2 || b[0] != '"' && b[0] != '\'' {
			return fmt.Errorf("%w: an attribute without quotes", errMalformed)
		}
		end := bytes.IndexByte(b[1:], b[0])
		if end < 0 {
			return errMalformed
		}
		f(localName(name), b[1:1+end])
		b = b[2+end:]
	}
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	return b
}

// attr gives one attribute, decoded, or "".
func (x *xmlScanner) attr(name string) string {
	var out string
	err := x.eachAttr(func(n, raw []byte) {
		if string(n) == name {
			if v, err := appendText(nil, raw, false); err == nil {
				out = string(v)
			}
		}
	})
	if err != nil {
		return ""
	}
	return out
}
