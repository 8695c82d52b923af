package sheet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// appendText decodes entities and normalises line ends, as XML 1.0 (2.11, 4.6) says, and refuses what is no UTF-8.
func appendText(dst, raw []byte, cdata bool) ([]byte, error) {
	if !utf8.Valid(raw) {
		return dst, fmt.Errorf("%w: invalid UTF-8", errMalformed)
	}
	if bytes.IndexByte(raw, '&') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		return append(dst, raw...), nil
	}
	for len(raw) > 0 {
		i := bytes.IndexAny(raw, "&\r")
		if i < 0 {
			return append(dst, raw...), nil
		}
		dst = append(dst, raw[:i]...)
		if raw[i] == '\r' {
			dst = append(dst, '\n')
			raw = bytes.TrimPrefix(raw[i+1:], []byte{'\n'})
			continue
		}
		if cdata {
			dst = append(dst, '&')
			raw = raw[i+1:]
			continue
		}
		end := bytes.IndexByte(raw[i:], ';')
		if end < 0 || end > 12 {
			return dst, fmt.Errorf("%w: an entity without an end", errMalformed)
		}
		c, ok := entity(string(raw[i+1 : i+end]))
		if !ok {
			return dst, fmt.Errorf("%w: an unknown entity", errMalformed)
		}
		dst = utf8.AppendRune(dst, c)
		raw = raw[i+end+1:]
	}
	return dst, nil
}

func entity(s string) (rune, bool) {
	switch s {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(s) < 2 || s[0] != '#' {
		return 0, false
	}
	digits, base := s[1:], 10
	if s[1] == 'x' || s[1] == 'X' {
		digits, base = s[2:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || n == 0 {
		return 0, false
	}
	return rune(n), utf8.ValidRune(rune(n))
}

// appendXstring decodes the _xHHHH_ escapes of ST_Xstring (ECMA-376, 22.9.2.19): _x000D_ is a carriage return, _x005F_ an
// underscore that would otherwise start an escape. Two halves of a surrogate pair become one letter.
func appendXstring(dst, b []byte) []byte {
	for {
		i := bytes.Index(b, []byte("_x"))
		if i < 0 {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		hi, ok := xescape(b[i:])
		if !ok {
			dst = append(dst, b[i:i+2]...)
			b = b[i+2:]
			continue
		}
		b = b[i+7:]
		if lo, ok := xescape(b); ok && hi >= 0xD800 && hi < 0xDC00 && lo >= 0xDC00 && lo < 0xE000 {
			dst = utf8.AppendRune(dst, (rune(hi)-0xD800)<<10+rune(lo)-0xDC00+0x10000)
			b = b[7:]
			continue
		}
		dst = utf8.AppendRune(dst, rune(hi))
	}
}

func xescape(b []byte) (uint16, bool) {
	if len(b) < 7 || b[0] != '_' || b[1] != 'x' || b[6] != '_' {
		return 0, false
	}
	var v [2]byte
	for i := range 2 {
		n, err := strconv.ParseUint(string(b[2+2*i:4+2*i]), 16, 8)
		if err != nil {
			return 0, false
		}
		v[i] = byte(n)
	}
	return binary.BigEndian.Uint16(v[:]), true
}
