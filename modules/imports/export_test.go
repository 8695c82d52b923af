package imports

import "credlane/app/kit/fault"

// Refusals is the documented list.
func Refusals() []*fault.Error { return refusals }
