package console

import (
	"context"

	"sallyport/internal/core"
)

// OrganisationBar is one organisation on the way.
type OrganisationBar struct {
	Tenant      core.Tenant
	Requirement []core.Requirement
	Counts      Counts
}

// Overview is what stands on the first page.
type Overview struct {
	Counts        Counts // of all that the caller sees
	Organisations int    // that they see
	Required      int    // of these, where everybody or somebody must have a factor
	// Bars are the organisations where somebody still has to set up, the longest way
	// first; More is how many further ones there are.
	Bars []OrganisationBar
	More int
	// Refused are the latest sign-ins that were refused, locks among them.
	Refused []Entry
	// RefusedToday counts them, over 24 hours.
	RefusedToday int
}

// Overviews answers the first page.
type Overviews interface {
	Overview(ctx context.Context, by Caller) (Overview, error)
}

// HomePage is the first page of administration.
type HomePage struct {
	Page
	View Overview
}
