package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
)

// Organisation is an organisation by its id. The main one is there before its first
// event. Error: ErrNotFound.
func (s *Store) Organisation(ctx context.Context, tenant string, id uuid.UUID) (projection.Organisation, error) {
	docs, err := s.docs(ctx, `SELECT id, doc FROM organisations WHERE tenant = $1 AND id = $2`, tenant, id.String())
	var o projection.Organisation
	switch {
	case err != nil:
		return o, err
	case len(docs) > 0:
		return o, json.Unmarshal(docs[0].doc, &o)
	case id == contracts.MainOrganisation:
		return projection.MainOrganisation(), nil
	}
	return o, ErrNotFound
}

// Credential is whose a credential is. Error: ErrNotFound, if it is nobody's.
func (s *Store) Credential(ctx context.Context, tenant string, organisation, id uuid.UUID) (view.CredentialHolder, error) {
	o, err := s.Organisation(ctx, tenant, organisation)
	if err != nil {
		return view.CredentialHolder{}, err
	}
	holder, ok := o.Holder(id)
	if !ok {
		return holder, ErrNotFound
	}
	return holder, nil
}

// Organisations are all organisations, the oldest first; the main one, which is there
// from the beginning, before them as long as nothing was said of it.
func (s *Store) Organisations(ctx context.Context, tenant string, after Cursor, limit int) (out view.Organisations, err error) {
	out.Organisations = []view.OrganisationSummary{}
	if after == (Cursor{}) {
		main, err := s.Organisation(ctx, tenant, contracts.MainOrganisation)
		if err != nil {
			return out, err
		}
		if main.CreatedAt.IsZero() {
			one, err := s.summaryOf(ctx, tenant, main)
			if err != nil {
				return out, err
			}
			out.Organisations = append(out.Organisations, one)
		}
	}
	docs, err := s.docs(ctx, `SELECT id, doc FROM organisations WHERE tenant = $1 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4`,
		tenant, nanos(after.Time), after.ID, limit)
	if err != nil {
		return out, err
	}
	for _, d := range docs {
		var o projection.Organisation
		if err := json.Unmarshal(d.doc, &o); err != nil {
			return out, err
		}
		one, err := s.summaryOf(ctx, tenant, o)
		if err != nil {
			return out, err
		}
		out.Organisations = append(out.Organisations, one)
		if len(docs) == limit {
			out.Next = Cursor{o.CreatedAt, o.ID.String()}.String()
		}
	}
	return out, nil
}

func (s *Store) summaryOf(ctx context.Context, tenant string, o projection.Organisation) (view.OrganisationSummary, error) {
	n, err := s.count(ctx, `SELECT COUNT(*) FROM conferences WHERE tenant = $1 AND organisation = $2 AND deleted = 0`, tenant, o.ID.String())
	return view.OrganisationSummary{ID: o.ID, Name: o.Name, Members: len(o.Shown().Members), Conferences: n, CreatedAt: o.CreatedAt}, err
}

// OwnOrder says whether an order is of a conference of an organisation. Error:
// ErrNotFound, if it is not, or there is no such order.
func (s *Store) OwnOrder(ctx context.Context, tenant string, organisation, order uuid.UUID) (own view.OwnOrder, err error) {
	found := false
	err = s.each(ctx, func(rows *sql.Rows) error {
		var conference string
		if err := rows.Scan(&conference); err != nil {
			return err
		}
		found, own.OrderID = true, order
		own.ConferenceID, err = uuid.Parse(conference)
		return err
	}, `SELECT o.conference FROM orders o JOIN conferences c ON c.tenant = o.tenant AND c.id = o.conference
		WHERE o.tenant = $1 AND o.id = $2 AND c.organisation = $3`, tenant, order.String(), organisation.String())
	if err == nil && !found {
		err = ErrNotFound
	}
	return own, err
}

// AuditLog is what those who work with Plenary changed, the newest first: in one
// organisation or, for uuid.Nil, everywhere.
func (s *Store) AuditLog(ctx context.Context, tenant string, organisation uuid.UUID, after Cursor, limit int) (out view.AuditLog, err error) {
	out.Entries = []view.AuditEntry{}
	c := where(tenant, "tenant")
	if organisation == uuid.Nil {
		c.add("changed_in IS NOT NULL")
	} else {
		c.add("changed_in = ?", organisation.String())
	}
	if after != (Cursor{}) {
		c.add("(time, id) < (?, ?)", nanos(after.Time), after.ID)
	}
	c.add(isShown)
	c.write(" ORDER BY time DESC, id DESC LIMIT ?", limit)
	events, err := s.events(ctx, `SELECT `+eventColumns+` FROM journal WHERE `+c.sql.String(), c.args...)
	if err != nil {
		return out, err
	}
	names := auditNames{s: s, tenant: tenant, organisations: map[uuid.UUID]projection.Organisation{}, conferences: map[string]string{}}
	for _, m := range events {
		e := projection.AuditEntry(m)
		if of, ok := projection.ChangedIn(m); ok && of != uuid.Nil {
			e.OrganisationID = &of
		}
		if err := names.fill(ctx, &e); err != nil {
			return out, err
		}
		out.Entries = append(out.Entries, e)
	}
	if n := len(events); n == limit {
		out.Next = Cursor{events[n-1].Time, events[n-1].ID}.String()
	}
	return out, nil
}

// auditNames are the names of what a page of the audit log is about.
type auditNames struct {
	s             *Store
	tenant        string
	organisations map[uuid.UUID]projection.Organisation
	conferences   map[string]string
}

func (n auditNames) fill(ctx context.Context, e *view.AuditEntry) error {
	if e.OrganisationID != nil {
		o, err := n.organisation(ctx, *e.OrganisationID)
		if err != nil {
			return err
		}
		e.OrganisationName = o.Name
		if e.MemberID != nil {
			e.MemberName = o.MemberName(*e.MemberID)
		}
	}
	switch e.About {
	case "organisation":
		e.AboutName = e.OrganisationName
	case "conference":
		name, known := n.conferences[e.AboutID]
		if id, err := uuid.Parse(e.AboutID); !known && err == nil {
			c, err := n.s.Conference(ctx, n.tenant, id)
			if err != nil && !errors.Is(err, ErrNotFound) { // a draft that was deleted has no name
				return fmt.Errorf("audit log: %w", err)
			}
			name = c.Name
			n.conferences[e.AboutID] = name
		}
		e.AboutName = name
	}
	return nil
}

func (n auditNames) organisation(ctx context.Context, id uuid.UUID) (projection.Organisation, error) {
	if o, ok := n.organisations[id]; ok {
		return o, nil
	}
	o, err := n.s.Organisation(ctx, n.tenant, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return o, fmt.Errorf("audit log: %w", err)
	}
	n.organisations[id] = o
	return o, nil
}
