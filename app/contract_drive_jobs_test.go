package app_test

// driveJobs drives what shows the background work: the mails of the drives before are jobs that nobody works on here.
func (k *client) driveJobs(me string) {
	k.t.Helper()
	var page struct {
		Items      []struct{ ID, State string }
		NextCursor *string
	}
	k.do(200, "GET", "/api/v1/jobs?state=queued&kind=mail.send&limit=1", me, nil).into(k.t, &page)
	if len(page.Items) != 1 || page.NextCursor == nil {
		k.t.Fatalf("the jobs of this employer: %+v", page)
	}
	at := "/api/v1/jobs/" + page.Items[0].ID
	k.do(200, "GET", "/api/v1/jobs?state=queued&limit=1&cursor="+*page.NextCursor, me, nil)
	k.do(400, "GET", "/api/v1/jobs?cursor=nonsense", me, nil)
	k.do(422, "GET", "/api/v1/jobs?state=lost", me, nil)
	k.do(200, "GET", at, me, nil)
	k.do(404, "GET", "/api/v1/jobs/"+someID, me, nil)
	k.do(409, "POST", at+"/retry", me, nil)
	if _, err := k.db.Pool.Exec(k.t.Context(), `
UPDATE river.river_job SET state = 'discarded', finalized_at = now(), attempt = max_attempts, errors = ARRAY['{"error": "no"}'::jsonb]
 WHERE id = (SELECT max(id) FROM river.river_job WHERE state = 'available' AND metadata ->> 'employerId' IS NOT NULL)`); err != nil {
		k.t.Fatal(err)
	}
	k.do(200, "GET", "/api/v1/jobs?state=dead", me, nil).into(k.t, &page)
	if len(page.Items) != 1 {
		k.t.Fatalf("the dead jobs of this employer: %+v", page)
	}
	k.do(200, "POST", "/api/v1/jobs/"+page.Items[0].ID+"/retry", me, nil)
}
