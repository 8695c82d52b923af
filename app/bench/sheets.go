package main

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
)

// sheetHeader and sheetRow are the file of questions that the imports read: what people's spreadsheets look like.
func sheetHeader() []string {
	return []string{"question", "a", "b", "c", "d", "answer", "points", "tags", "explanation"}
}

func sheetRow(n int) []string {
	return []string{
		fmt.Sprintf("Question %d: which statement about step %d of the procedure is right, given the naïve reading of its rule?", n, n%97),
		fmt.Sprintf("It is carried out %d times", n), fmt.Sprintf("It is left out when \"%d\" comes first", n),
		fmt.Sprintf("It fails with code %d, always", n), fmt.Sprintf("It waits for step %d", n+1),
		string("abcd"[n%4]), strconv.Itoa(1 + n%3), fmt.Sprintf("topic-%d", n%12), fmt.Sprintf("See section %d.%d.", n%40, n%7),
	}
}

func csvFile(n int) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	rows := [][]string{sheetHeader()}
	for i := range n {
		rows = append(rows, sheetRow(i+1))
	}
	err := w.WriteAll(rows)
	return out.Bytes(), err
}

// The parts of a workbook with one sheet, as Excel lays them out.
const (
	xlsxTypes = xml.Header + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
		`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>` +
		`<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>` +
		`</Types>`
	xlsxRels = xml.Header + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	xlsxBook = xml.Header + `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ` +
		`xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Questions" sheetId="1" r:id="rId1"/></sheets></workbook>`
	xlsxBookRels = xml.Header + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>` +
		`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`
)

func xlsxFile(n int) ([]byte, error) {
	var sheet bytes.Buffer
	var shared sharedStrings
	sheet.WriteString(xml.Header + `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`)
	for i := range n + 1 {
		cells := sheetHeader()
		if i > 0 {
			cells = sheetRow(i)
		}
		fmt.Fprintf(&sheet, `<row r="%d">`, i+1)
		for c, text := range cells {
			fmt.Fprintf(&sheet, `<c r="%c%d" t="s"><v>%d</v></c>`, 'A'+c, i+1, shared.index(text))
		}
		sheet.WriteString(`</row>`)
	}
	sheet.WriteString(`</sheetData></worksheet>`)
	strings, err := shared.part()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, part := range []struct {
		name string
		text []byte
	}{
		{"[Content_Types].xml", []byte(xlsxTypes)}, {"_rels/.rels", []byte(xlsxRels)}, {"xl/workbook.xml", []byte(xlsxBook)},
		{"xl/_rels/workbook.xml.rels", []byte(xlsxBookRels)}, {"xl/worksheets/sheet1.xml", sheet.Bytes()}, {"xl/sharedStrings.xml", strings},
	} {
		w, err := z.Create(part.name)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(part.text); err != nil {
			return nil, err
		}
	}
	err = z.Close()
	return out.Bytes(), err
}

// sharedStrings are a workbook's texts, each once.
type sharedStrings struct {
	at   map[string]int
	list []string
}

func (s *sharedStrings) index(text string) int {
	if s.at == nil {
		s.at = map[string]int{}
	}
	i, known := s.at[text]
	if !known {
		i = len(s.list)
		s.at[text] = i
		s.list = append(s.list, text)
	}
	return i
}

func (s *sharedStrings) part() ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, `%s<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" uniqueCount="%d">`, xml.Header, len(s.list))
	for _, text := range s.list {
		if _, err := io.WriteString(&out, "<si><t>"); err != nil {
			return nil, err
		}
		if err := xml.EscapeText(&out, []byte(text)); err != nil {
			return nil, err
		}
		out.WriteString("</t></si>")
	}
	out.WriteString("</sst>")
	return out.Bytes(), nil
}
