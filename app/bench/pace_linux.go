package main

import (
	"runtime"
	"syscall"
	"time"
)

// pace sends the time of each request when it is due, evenly spaced. It sleeps in the kernel: the runtime's own timers wake a
// millisecond late when nothing else runs, which would be most of a latency.
func pace(rate, total int, due chan<- time.Time, quit func() bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := time.Now()
	for n := 0; n < total && !quit(); {
		at := began.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
		if wait := time.Until(at); wait > 0 {
			nap := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&nap, nil) // woken early, it looks at the clock again
			continue
		}
		due <- at
		n++
	}
}
