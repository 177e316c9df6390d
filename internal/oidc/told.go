package oidc

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"sallyport/internal/core"
	"sallyport/internal/outgoing"
	"sallyport/internal/secret"
)

const (
	typeLogout  = "logout+jwt"
	eventLogout = "http://schemas.openid.net/event/backchannel-logout"
	logoutLife  = 2 * time.Minute // row A-24
)

// logoutClaims are those of a logout token (OpenID Connect Back-Channel Logout 1.0,
// section 2.4). It has no nonce, so that it is never taken for an ID token.
type logoutClaims struct {
	Issuer   string              `json:"iss"`
	Subject  string              `json:"sub"`
	Audience string              `json:"aud"`
	Issued   int64               `json:"iat"`
	Expires  int64               `json:"exp"`
	ID       string              `json:"jti"`
	Session  string              `json:"sid"`
	Events   map[string]struct{} `json:"events"`
}

// again is how long after a try that went wrong the next one is made; after the last
// of these nobody tries any more (row L-03).
var again = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute}

// Teller tells apps that a sign-in is over.
type Teller struct {
	*Handler
	Client *outgoing.Client
	Log    *slog.Logger
	// Told is told of each try; may be nil.
	Told func(ok bool)
}

const (
	tellAtOnce = 16  // requests at a time, so that a slow app does not hold up the others
	tellBatch  = 200 // families that are looked at together
)

// Waiting reports whether there is somebody to tell.
func (t *Teller) Waiting(ctx context.Context) (bool, error) {
	due, err := t.Store.DueLogouts(ctx, t.Now(), 1)
	return len(due) > 0, err
}

// Tell tells the apps of everything that is due, each once for a session of a person.
// before is asked between batches and ends the work with an error.
func (t *Teller) Tell(ctx context.Context, before func(context.Context) error) error {
	for {
		if err := before(ctx); err != nil {
			return err
		}
		due, err := t.Store.DueLogouts(ctx, t.Now(), tellBatch)
		if err != nil || len(due) == 0 {
			return err
		}
		if err := t.batch(ctx, due); err != nil {
			return err
		}
		if len(due) < tellBatch {
			return nil
		}
	}
}

// over is what an app is told: which session of whom.
type over struct {
	app  core.AppID
	user core.UserID
	sid  core.SessionID
}

func (t *Teller) batch(ctx context.Context, due []core.Family) error {
	groups := map[over][]core.Family{}
	for _, f := range due {
		k := over{f.App, f.User, f.Doc.SID}
		groups[k] = append(groups[k], f)
	}
	var (
		all   sync.WaitGroup
		slots = make(chan struct{}, tellAtOnce)
		mu    sync.Mutex
		first error
	)
	for k, families := range groups {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if err := t.one(ctx, k, families); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if first == nil {
					first = err
				}
			}
		})
	}
	all.Wait()
	return first
}

// one tells one app and notes what came of it. An error is of our own store.
func (t *Teller) one(ctx context.Context, k over, families []core.Family) error {
	next := time.Time{}
	err := t.send(ctx, k)
	if ctx.Err() != nil {
		return ctx.Err() // the house closes: nothing is noted, and it is tried again
	}
	if t.Told != nil {
		t.Told(err == nil)
	}
	tries := families[0].Tries
	for _, f := range families {
		tries = max(tries, f.Tries)
	}
	switch {
	case err == nil:
	case tries < len(again):
		next = t.Now().Add(again[tries])
		t.Log.Info("an app could not be told that a sign-in is over; it is tried again", "event", "logout.waits", "app", string(k.app), "error", err.Error())
	default:
		t.Log.Warn("an app could not be told that a sign-in is over; nobody tries any more", "event", "logout.failed", "app", string(k.app), "error", err.Error())
	}
	for _, f := range families {
		if err := t.Store.SettleLogout(ctx, f.ID, next); err != nil {
			return fmt.Errorf("note that an app was told: %w", err)
		}
	}
	return nil
}

func (t *Teller) send(ctx context.Context, k over) error {
	app, err := t.Apps.Find(ctx, k.app)
	if f, ok := core.AsFault(err); ok && f.Kind == core.KindNotFound {
		return nil // it is gone, or does not want to know
	}
	if err != nil {
		return err
	}
	if app.Doc.BackchannelURI == "" {
		return nil
	}
	now := t.Now()
	token, err := t.sign(ctx, app.SignedWith(), typeLogout, logoutClaims{Issuer: t.Issuer, Subject: string(k.user), Audience: string(app.ID), Issued: now.Unix(),
		Expires: now.Add(logoutLife).Unix(), ID: secret.Token(), Session: string(k.sid), Events: map[string]struct{}{eventLogout: {}}})
	if err != nil {
		return err
	}
	status, err := t.Client.PostForm(ctx, app.Doc.BackchannelURI, "logout_token="+url.QueryEscape(token))
	if err != nil {
		return err
	}
	if status != http.StatusOK && status != http.StatusNoContent {
		return fmt.Errorf("it answers %d", status)
	}
	return nil
}
