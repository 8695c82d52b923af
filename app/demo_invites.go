package app

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/jackc/pgx/v5"

	"credlane/app/kit/authn"
	"credlane/app/kit/mail"
	"credlane/modules/invites"
	"credlane/modules/submissions"
)

// fate is what becomes of one invite of the demo.
type fate int

const (
	waits fate = iota // the mail has come, and nothing more
	opens             // the link was looked at
	declines
	revoked
	starts
	completes
	unsent // invited just now
)

// invited is one person of the demo with a personal link.
type invited struct {
	name, mailbox string
	fate          fate
	extra         int // percent of extra time
}

func (i invited) email() string { return i.mailbox + "@mail.example" }

// The first are invited three weeks ago for a week, so that who did not begin is too late by now; the last ones today.
var (
	demoEarly = []invited{
		{"Amelie Roux", "amelie.roux", completes, 0}, {"Bjarne Holt", "bjarne.holt", completes, 25}, {"Chiara Conti", "chiara.conti", completes, 0},
		{"Dmitri Orlov", "dmitri.orlov", waits, 0}, {"Esra Yilmaz", "esra.yilmaz", opens, 0}, {"Femi Adeyemi", "femi.adeyemi", declines, 0},
		{"Greta Lind", "greta.lind", revoked, 0}, {"Hugo Ferreira", "hugo.ferreira", waits, 0},
	}
	demoLate = []invited{
		{"Hugo Ferreira", "hugo.ferreira", waits, 0}, {"Inga Berg", "inga.berg", waits, 0}, {"Jonas Keller", "jonas.keller", opens, 0},
		{"Kofi Mensah", "kofi.mensah", starts, 50}, {"Lena Novak", "lena.novak", starts, 0}, {"Mei Tanaka", "mei.tanaka", unsent, 0},
		{"Noor Haddad", "noor.haddad", unsent, 0},
	}
)

const (
	demoInviteTime = 7 * 24 * time.Hour
	agreedTime     = "agreed with the candidate beforehand"
)

func (d *demo) inviteEarly(member context.Context) error {
	return d.invite(member, demoEarly, d.clock.Now().Add(demoInviteTime))
}

func (d *demo) inviteLate(member context.Context) error {
	return d.invite(member, demoLate, d.clock.Now().Add(2*demoInviteTime))
}

// invite lets each person meet their fate at the first test.
func (d *demo) invite(member context.Context, people []invited, expires time.Time) error {
	p := d.papers[0]
	links, err := d.links(member, p, people, expires, func(f fate) bool { return f != unsent })
	if err != nil {
		return err
	}
	for _, who := range people {
		if who.fate == unsent {
			continue
		}
		d.clock.Advance(time.Minute)
		if err := d.meet(member, p, who, links[who.email()]); err != nil {
			return fmt.Errorf("%s: %w", who.name, err)
		}
	}
	// Those invited just now have no mail yet.
	d.app.mail.Pretend(mail.Kept)
	defer d.app.mail.Pretend(mail.Sent)
	_, err = d.links(member, p, people, expires, func(f fate) bool { return f == unsent })
	return err
}

// links invites those whose fate is wanted, and gives their invites by address.
func (d *demo) links(member context.Context, p demoPaper, people []invited, expires time.Time, wanted func(fate) bool) (map[string]invites.Invite, error) {
	var order invites.Order
	order.ExpiresAt, order.Message = &expires, "We would like to know how you think. Take the time that suits you."
	for _, who := range people {
		if !wanted(who.fate) {
			continue
		}
		person := invites.Person{Name: who.name, Email: who.email(), ExtraTimePercent: who.extra}
		if who.extra > 0 {
			person.Reason = agreedTime
		}
		order.People = append(order.People, person)
	}
	if len(order.People) == 0 {
		return nil, nil
	}
	links := map[string]invites.Invite{}
	return links, d.app.db.InTx(member, func(tx pgx.Tx) error {
		results, err := d.app.invites.InviteTx(member, tx, p.assessment.ID, order)
		if err != nil {
			return err
		}
		for i, r := range results {
			if r.Outcome != invites.Invited {
				return fmt.Errorf("%s is %s: %s", r.Email, r.Outcome, r.Reason)
			}
			links[order.People[i].Email] = *r.Invite
		}
		return nil
	})
}

func (d *demo) meet(member context.Context, p demoPaper, who invited, i invites.Invite) error {
	stranger := authn.With(member, authn.Principal{})
	token := path.Base(d.app.invites.URL(i))
	if who.fate == waits {
		return nil
	}
	if who.fate == revoked {
		return d.app.invites.Revoke(member, i.ID)
	}
	if _, _, err := d.app.invites.Open(stranger, token); err != nil {
		return err
	}
	switch who.fate {
	case declines:
		_, err := d.app.invites.Decline(stranger, token, "I have taken another offer.")
		return err
	case starts, completes:
		_, s, err := d.app.submissions.StartInvited(stranger, submissions.InvitedStart{Token: token, Consent: true})
		if err != nil {
			return err
		}
		return d.work(stranger, p, s.Receipt.ID, who.fate == starts)
	}
	return nil
}
