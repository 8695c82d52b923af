package sheet

// Rows of small sheets are kept from the first pass, which reads them anyway: most banks are then unpacked and scanned once
// instead of three times. The bounds hold for all sheets of a workbook together.
const (
	keptBytes = 8 << 20
	keptCells = 1 << 18
)

// keeper collects the rows of one sheet until they are too many.
type keeper struct {
	rows  []Row
	bytes int
	cells int
	over  bool
}

// keep copies a row; room is what other sheets have left over.
func (k *keeper) keep(r *Row, room *keeper) {
	if k.over {
		return
	}
	for _, c := range r.Cells {
		k.bytes += len(c)
	}
	k.cells += len(r.Cells) + 4*len(r.Faults) + 4 // a row and a fault weigh as much as four cells
	if k.bytes+room.bytes > keptBytes || k.cells+room.cells > keptCells {
		*k = keeper{over: true}
		return
	}
	k.rows = append(k.rows, Row{Number: r.Number, Cells: append([]string(nil), r.Cells...), Faults: append([]Fault(nil), r.Faults...)})
}

// each gives the kept rows. What the callee does to them is not kept.
func (k *keeper) each(row func(*Row) error) error {
	var out Row
	for i := range k.rows {
		r := &k.rows[i]
		out.Number = r.Number
		out.Cells = append(out.Cells[:0], r.Cells...)
		out.Faults = append(out.Faults[:0], r.Faults...)
		if err := row(&out); err != nil {
			return err
		}
	}
	return nil
}
