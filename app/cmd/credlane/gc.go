package main

import (
	"runtime/debug"
	"strings"
)

// gcPercent spends a little memory on time. Measured on an exam day and during an import of 50,000 rows: the runtime's own 100
// peaks at 53 MB, 150 at 59 and 87, and 200 at 63 and 136, which is more than the product promises.
const gcPercent = 150

// tuneGC sets the server's garbage collector, unless the operator has set it.
func tuneGC(environ []string) {
	for _, v := range environ {
		if strings.HasPrefix(v, "GOGC=") || strings.HasPrefix(v, "GOMEMLIMIT=") {
			return
		}
	}
	debug.SetGCPercent(gcPercent)
}
