package operations

import (
	"encoding/json"
	"strings"
	"testing"

	"credlane/app/kit/jobs"
)

func TestMembersAreToldNothingOfTheInstallation(t *testing.T) {
	t.Parallel()
	raw := "reach the mail server: dial tcp 10.0.0.5:25: connect: connection refused"
	for code, want := range map[string]string{
		"": reasonInternal, "some_fault": reasonInternal, jobs.CodeTimedOut: reasonTimeout, jobs.CodeWorkerDied: reasonWorker,
	} {
		shown, err := json.Marshal(jobOf(jobs.Info{LastError: &raw, LastCode: &code}))
		if err != nil || !strings.Contains(string(shown), `"lastError":"`+want+`"`) || strings.Contains(string(shown), "10.0.0.5") {
			t.Errorf("%q is told as %s, want %q: %v", code, shown, want, err)
		}
	}
	if told := jobOf(jobs.Info{LastError: &raw}).LastError; told == nil || *told != reasonInternal {
		t.Error("a reason without a code is told")
	}
	if jobOf(jobs.Info{}).LastError != nil {
		t.Error("a job that did not fail has a reason")
	}
}
