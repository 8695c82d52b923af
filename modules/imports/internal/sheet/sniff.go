package sheet

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf16"
)

// sniff decides by the content what the file is, and refuses it when that is not what its name says.
func sniff(r io.ReaderAt, size int64, name string) (Format, error) {
	lower := strings.ToLower(name)
	if strings.HasPrefix(name, "~$") {
		return "", refuseLock()
	}
	if size <= 0 {
		return "", emptyFile()
	}
	head := make([]byte, min(size, 4096))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return "", refuse("unreadable_file", "The file could not be read. Upload it again.").because(err)
	}
	if isLock(head, size) {
		return "", refuseLock()
	}
	csvName := hasSuffix(lower, ".csv", ".tsv", ".tab", ".txt")
	xlsxName := hasSuffix(lower, ".xlsx", ".xlsm", ".xltx", ".xltm")
	switch {
	case bytes.HasPrefix(head, []byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}):
		return "", refuseOLE(r, size)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		if csvName {
			return "", refuse("not_what_its_name_says", "The name says text (CSV), but the content is a workbook or another zip file. Give it its right ending, .xlsx, or save it as CSV.")
		}
		if strings.HasSuffix(lower, ".xls") {
			return "", refuse("not_what_its_name_says", "The name ends in .xls, but the content is a newer workbook. Rename the file so that it ends in .xlsx.")
		}
		return XLSX, nil
	case hasSuffix(lower, ".ods", ".fods"):
		return "", refuseODS()
	case xlsxName, hasSuffix(lower, ".xls", ".xlsb"):
		return "", refuse("not_what_its_name_says", "The name says Excel workbook, but the content is something else%s. If it is a text file, rename it so that it ends in .csv; else save it again as .xlsx.", looksLike(head))
	case isBinary(head):
		return "", refuse("not_a_table", "This file is no table%s. Upload a CSV file or an .xlsx workbook.", looksLike(head))
	}
	return CSV, nil
}

func hasSuffix(s string, endings ...string) bool {
	for _, e := range endings {
		if strings.HasSuffix(s, e) {
			return true
		}
	}
	return false
}

func refuseLock() *Refusal {
	return refuse("lock_file", "This is the temporary file that a spreadsheet program keeps while a workbook is open (its name starts with ~$). Upload the workbook itself.")
}

// isLock knows Excel's lock file under any name: 165 bytes, the user's name with its length before it, once in bytes and
// once in UTF-16, both padded with blanks.
func isLock(head []byte, size int64) bool {
	return size == 165 && head[0] > 0 && head[0] <= 54 && head[54] == ' ' && head[55] == head[0] && head[56] == 0
}

func refuseODS() *Refusal {
	return refuse("ods_file", "This is an OpenDocument spreadsheet (.ods). Save it as .xlsx or CSV and upload that.")
}

// refuseOLE tells apart what comes in the compound files of old Office versions. An encrypted .xlsx is one too; the name of
// its stream stands in the directory as UTF-16.
func refuseOLE(r io.ReaderAt, size int64) *Refusal {
	buf := make([]byte, min(size, 1<<20))
	n, _ := r.ReadAt(buf, 0)
	buf = buf[:n]
	has := func(s string) bool {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return bytes.Contains(buf, b)
	}
	switch {
	case has("EncryptedPackage"), has("EncryptionInfo"):
		return refuse("password_protected", "The workbook is protected by a password. Remove the password in your spreadsheet program (File, Info, Protect Workbook), save it, and upload it again.")
	case has("Workbook"), has("Book"):
		return refuse("xls_file", "This is an old Excel 97-2003 workbook (.xls), whatever its name says. Save it as .xlsx and upload that.")
	}
	return refuse("not_a_workbook", "This is an old Office file, but not a workbook. Upload a CSV file or an .xlsx workbook.")
}

func looksLike(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("%PDF")):
		return " (a PDF)"
	case bytes.HasPrefix(head, []byte("\x89PNG")), bytes.HasPrefix(head, []byte("\xFF\xD8\xFF")), bytes.HasPrefix(head, []byte("GIF8")):
		return " (a picture)"
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")):
		return " (a web page or XML)"
	case bytes.HasPrefix(head, []byte("{\\rtf")):
		return " (a text document, RTF)"
	case !isBinary(head):
		return " (text)"
	}
	return ""
}

// isBinary knows the files people upload by mistake. Text in any encoding passes; NULs alone decide nothing, since UTF-16 is
// half made of them.
func isBinary(head []byte) bool {
	for _, magic := range []string{"%PDF", "\x89PNG", "\xFF\xD8\xFF", "GIF8", "\x1F\x8B", "7z\xBC\xAF", "Rar!", "\x7FELF", "BM\x00", "{\\rtf"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	if _, ok := utf16Without(head); ok || bytes.HasPrefix(head, bomUTF16LE) || bytes.HasPrefix(head, bomUTF16BE) {
		return false // Cyrillic in UTF-16 is half made of control bytes
	}
	control := 0
	for _, c := range head {
		if c < 0x20 && c != 0 && (c < '\t' || c > '\r') {
			control++
		}
	}
	return control*10 > len(head)
}
