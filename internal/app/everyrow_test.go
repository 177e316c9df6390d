package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/console"
	"sallyport/internal/core"
	"sallyport/internal/directory"
	"sallyport/internal/store"
	"sallyport/internal/testkit/house"
)

// Decisions 2 and 3 as a table: every row of administration, and what comes of it in
// the hands of each who administers something. The customer that a row is about
// belongs to a partner, is managed by it and lets it act; the partner keeps the
// platform out. A letter is one of
//
//	y  the page is shown; the form does what it says
//	>  leads to another page of administration, and says nothing by that
//	f  refused: they see the customer and may not do this there
//	n  not found, with the same answer as an id that never was
//	s  refused: an organisation on the way lets nobody act
//	a  refused: not while they act
//	o  refused: they do not act anywhere
//	p  refused for each person by name: they see them and may not do it to them
//	d  to the door: what they acted in is on hold or gone, and so is their session
//
// and the columns are: who administers the platform, and the partner; of the customer
// its administrator, first line and auditor, and somebody with a custom role (may
// see it and its people, change and disable them); and the partner's administrator
// while acting in it.
//
//	platform partner customer helpdesk auditor custom acting
var adminTable = map[string]adminRow{
	"GET /admin":             {may: "> > > > > > >"},
	"GET /admin/{$}":         {may: "y y y y y y y"},
	"GET /admin/tenants":     {may: "y y y > y y y", with: under},
	"GET /admin/policy":      {may: "y y y y y y y"},
	"POST /admin/acting/end": {may: "o o o o o o y", ends: true},

	// Shaping the tree: whoever may see a node and shape its branch. Inside a customer
	// that is its own people, or who acts in it. What changes where
	// it stands, or whether, needs the right above it too, so nobody does it to the
	// organisation that they belong to. Another organisation's support access is never
	// anybody's but its own.
	"GET /admin/tenants/new": {may: "f f y f f f y", with: parent},
	"POST /admin/tenants/new": {may: "f f y f f f y", with: func(s *spot) []string {
		return []string{"parent", string(s.x.ID), "kind", "unit", "name", "Filiale Nord"}
	}},
	"GET /admin/tenants/{tenant}":                {may: "y y y > y y y"},
	"GET /admin/tenants/{tenant}/rename":         {may: "y y y f f f y"},
	"POST /admin/tenants/{tenant}/rename":        {may: "y y y f f f y", with: func(s *spot) []string { return s.versioned("name", "Another name") }},
	"GET /admin/tenants/{tenant}/move":           {may: "y y f f f f f"},
	"POST /admin/tenants/{tenant}/move":          {may: "y y f f f f f", with: func(s *spot) []string { return s.versioned("parent", string(s.folder().ID)) }},
	"GET /admin/tenants/{tenant}/rename #wish":   {may: "y y y f f f y", with: func(s *spot) []string { return []string{"name", "Another name"} }},
	"GET /admin/tenants/{tenant}/move #wish":     {may: "y y f f f f f", with: func(s *spot) []string { return []string{"parent", string(s.folder().ID)} }},
	"GET /admin/tenants/{tenant}/convert":        {may: "y y f f f f f"},
	"POST /admin/tenants/{tenant}/convert":       {may: "y y f f f f f", with: confirming},
	"GET /admin/tenants/{tenant}/suspend":        {may: "y y f f f f f"},
	"POST /admin/tenants/{tenant}/suspend":       {may: "y y f f f f f", with: confirming},
	"GET /admin/tenants/{tenant}/resume":         {may: "y y f f f f d", ready: (*spot).suspend},
	"POST /admin/tenants/{tenant}/resume":        {may: "y y f f f f d", ready: (*spot).suspend, with: confirming},
	"GET /admin/tenants/{tenant}/delete":         {may: "y y f f f f f"},
	"POST /admin/tenants/{tenant}/delete":        {may: "y y f f f f f", with: confirming},
	"GET /admin/tenants/{tenant}/restore":        {may: "y y n n n n d", ready: (*spot).remove},
	"POST /admin/tenants/{tenant}/restore":       {may: "y y n n n n d", ready: (*spot).remove, with: confirming},
	"GET /admin/tenants/{tenant}/support-open":   {may: "f f y f f f d", ready: (*spot).shut},
	"POST /admin/tenants/{tenant}/support-open":  {may: "f f y f f f d", ready: (*spot).shut, with: confirming},
	"GET /admin/tenants/{tenant}/support-close":  {may: "f f y f f f f"},
	"POST /admin/tenants/{tenant}/support-close": {may: "f f y f f f f", with: confirming},
	"GET /admin/tenants/{tenant}/sign-out":       {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/sign-out":      {may: "f f y f f f y", with: confirming},
	"GET /admin/tenants/{tenant}/act":            {may: "s y f f f f f"},
	"POST /admin/tenants/{tenant}/act":           {may: "s y f f f f a", with: func(*spot) []string { return []string{"reason", "a question"} }},
	"GET /admin/tenants/{tenant}/support":        {may: "f f y f f f f"},
	"POST /admin/tenants/{tenant}/support/end":   {may: "f f y f f f f", ready: (*spot).somebodyActs, with: func(s *spot) []string { return []string{"session", string(s.acting)} }},

	// The switch is those above's too where they manage the customer; its settings are
	// its own.
	"GET /admin/tenants/{tenant}/security":                   {may: "y y y f y y y"},
	"GET /admin/tenants/{tenant}/security/enable":            {may: "y y y f f f y", with: requiring},
	"POST /admin/tenants/{tenant}/security/enable":           {may: "y y y f f f y", with: requiring},
	"GET /admin/tenants/{tenant}/security/disable":           {may: "y y y f f f y"},
	"POST /admin/tenants/{tenant}/security/disable":          {may: "y y y f f f y", with: confirming},
	"GET /admin/tenants/{tenant}/security/settings":          {may: "> > > > > > >"},
	"POST /admin/tenants/{tenant}/security/settings":         {may: "f f y f f f y", with: changing(`{"invitation_days":3}`)},
	"GET /admin/tenants/{tenant}/security/presets":           {may: "f f y f f f y"},
	"GET /admin/tenants/{tenant}/security/presets/{preset}":  {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/security/presets/{preset}": {may: "f f y f f f y", with: confirming},
	// Locks and templates are a partner's: these rows are about a partner beside the
	// customer, which only the platform sees and only its own administrator changes.
	"GET /admin/tenants/{tenant}/security/locks":     {may: "f y n n n n n", partner: true},
	"POST /admin/tenants/{tenant}/security/locks":    {may: "f y n n n n n", partner: true, with: changing(`{"session":{"idle":"20m"}}`)},
	"GET /admin/tenants/{tenant}/security/template":  {may: "f y n n n n n", partner: true},
	"POST /admin/tenants/{tenant}/security/template": {may: "f y n n n n n", partner: true, with: changing(`{"invitation_days":3}`)},

	// People are their own organisation's; those above see how many there are.
	"GET /admin/tenants/{tenant}/users":         {may: "f f y y y y y"},
	"GET /admin/tenants/{tenant}/users/invite":  {may: "f f y f f f y", ready: (*spot).administered},
	"POST /admin/tenants/{tenant}/users/invite": {may: "f f y f f f y", ready: (*spot).administered, with: func(s *spot) []string { return []string{"name", "New", "email", s.fresh(), "role", "user"} }},
	// Where nobody administers a customer, those who made it may invite who will.
	"GET /admin/tenants/{tenant}/users/invite #first":  {may: "y y y f f f y"},
	"POST /admin/tenants/{tenant}/users/invite #first": {may: "y y y f f f y", with: func(s *spot) []string { return []string{"name", "New", "email", s.fresh(), "role", "customer_admin"} }},
	"GET /admin/tenants/{tenant}/users/bulk":           {may: "f f y y f f y", with: several},
	"POST /admin/tenants/{tenant}/users/bulk":          {may: "f f y y f f y", with: several},
	"GET /admin/tenants/{tenant}/service-accounts":     {may: "f f y y y y y"},
	"GET /admin/tenants/{tenant}/service-accounts/new": {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/service-accounts/new": {may: "f f y f f f y", with: func(s *spot) []string {
		return []string{"name", "Scanner", "login", s.fresh(), "reason", "scans", "networks", "", "expires", ""}
	}},
	// Apps are their owner's; the switch of one in the table is a setting.
	"GET /admin/tenants/{tenant}/apps":                 {may: "f f y f f f y"},
	"GET /admin/tenants/{tenant}/apps/new":             {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/apps/new":            {may: "f f y f f f y", with: describing},
	"GET /admin/tenants/{tenant}/security/apps":        {may: "f f y f f f y", with: switching},
	"POST /admin/tenants/{tenant}/security/apps":       {may: "f f y f f f y", with: switching},
	"GET /admin/apps/{app}":                            {may: "f f y f f f y"},
	"GET /admin/apps/{app}/edit":                       {may: "f f y f f f y"},
	"POST /admin/apps/{app}/edit":                      {may: "f f y f f f y", with: describing},
	"GET /admin/apps/{app}/test":                       {may: "f f > f f f >"},
	"POST /admin/apps/{app}/test":                      {may: "f f > f f f a"},
	"GET /admin/apps/{app}/rotate":                     {may: "f f y f f f y"},
	"POST /admin/apps/{app}/rotate":                    {may: "f f y f f f y", with: ofApp},
	"GET /admin/apps/{app}/retire":                     {may: "f f y f f f y", ready: (*spot).rotated, with: ofApp},
	"POST /admin/apps/{app}/retire":                    {may: "f f y f f f y", ready: (*spot).rotated, with: ofApp},
	"GET /admin/apps/{app}/disable":                    {may: "f f y f f f y"},
	"POST /admin/apps/{app}/disable":                   {may: "f f y f f f y", with: ofApp},
	"GET /admin/apps/{app}/enable":                     {may: "f f y f f f y"},
	"POST /admin/apps/{app}/enable":                    {may: "f f y f f f y", ready: (*spot).paused, with: ofApp},
	"GET /admin/apps/{app}/delete":                     {may: "f f y f f f y"},
	"POST /admin/apps/{app}/delete":                    {may: "f f y f f f y", with: ofApp},
	"GET /admin/tenants/{tenant}/roles":                {may: "f f y y y y y"},
	"GET /admin/tenants/{tenant}/roles/grant":          {may: "> > > > > > >"},
	"POST /admin/tenants/{tenant}/roles/grant":         {may: "f f y f f f y", with: giving},
	"GET /admin/tenants/{tenant}/roles/revoke":         {may: "> > > > > > >"},
	"POST /admin/tenants/{tenant}/roles/revoke":        {may: "f f y f f f y", ready: (*spot).given, with: giving},
	"GET /admin/tenants/{tenant}/roles/new":            {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/roles/new":           {may: "f f y f f f y", with: cloning},
	"GET /admin/tenants/{tenant}/roles/{role}":         {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/roles/{role}":        {may: "f f y f f f y", with: cloning},
	"POST /admin/tenants/{tenant}/roles/{role}/delete": {may: "f f y f f f y"},
	"GET /admin/tenants/{tenant}/audit":                {may: "f f y f y f y"},
	// API clients are for who manages apps; what they may is what the maker may.
	"GET /admin/tenants/{tenant}/api-clients":     {may: "f f y f f f y"},
	"GET /admin/tenants/{tenant}/api-clients/new": {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/api-clients/new": {may: "f f y f f f y", with: func(s *spot) []string {
		return []string{"name", "Scanner", "right", "people.view", "networks", "", "expires", ""}
	}},
	"GET /admin/tenants/{tenant}/api-clients/{client}":        {may: "f f y f f f y"},
	"GET /admin/tenants/{tenant}/api-clients/{client}/change": {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/api-clients/{client}/change": {may: "f f y f f f y", with: func(s *spot) []string {
		return []string{"name", "Scanner", "right", "people.view", "networks", "", "expires", "", "version", "0"}
	}},
	"GET /admin/tenants/{tenant}/api-clients/{client}/rotate":  {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/api-clients/{client}/rotate": {may: "f f y f f f y", with: func(*spot) []string { return []string{"days", "1"} }},
	"GET /admin/tenants/{tenant}/api-clients/{client}/stop":    {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/api-clients/{client}/stop":   {may: "f f y f f f y"},
	"GET /admin/tenants/{tenant}/api-clients/{client}/start":   {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/api-clients/{client}/start":  {may: "f f y f f f y"},
	"GET /admin/tenants/{tenant}/api-clients/{client}/delete":  {may: "f f y f f f y"},
	"POST /admin/tenants/{tenant}/api-clients/{client}/delete": {may: "f f y f f f y"},

	// One person: of another organisation they are nobody.
	"GET /admin/users/{user}":                         {may: "n n y y y y y"},
	"POST /admin/users/{user}/sessions":               {may: "n n y f f f y", with: func(s *spot) []string { return []string{"session", string(s.session)} }},
	"POST /admin/users/{user}/apps":                   {may: "n n y f f f y", ready: (*spot).connected, with: func(s *spot) []string { return []string{"app", string(s.app.ID)} }},
	"POST /admin/users/{user}/browsers":               {may: "n n y y f f y", with: func(s *spot) []string { return []string{"browser", string(s.browser)} }},
	"GET /admin/users/{user}/unlock":                  {may: "n n y y f f y"},
	"POST /admin/users/{user}/unlock":                 {may: "n n y y f f y", with: (*spot).deed},
	"GET /admin/users/{user}/reinvite":                {may: "n n y y f f y", change: invited},
	"POST /admin/users/{user}/reinvite":               {may: "n n y y f f y", change: invited, with: (*spot).deed},
	"GET /admin/users/{user}/pass":                    {may: "n n y y f f y"},
	"POST /admin/users/{user}/pass":                   {may: "n n y y f f y", with: (*spot).deed},
	"GET /admin/users/{user}/reset-trusted-browsers":  {may: "n n y y f f y"},
	"POST /admin/users/{user}/reset-trusted-browsers": {may: "n n y y f f y", with: (*spot).deed},
	"GET /admin/users/{user}/reset-mfa":               {may: "n n y y f f y"},
	"POST /admin/users/{user}/reset-mfa":              {may: "n n y y f f y", with: (*spot).deed},
	"GET /admin/users/{user}/end-sessions":            {may: "n n y f f f y"},
	"POST /admin/users/{user}/end-sessions":           {may: "n n y f f f y", with: (*spot).deed},
	"GET /admin/users/{user}/edit":                    {may: "n n y f f y y"},
	"POST /admin/users/{user}/edit": {may: "n n y f f y y", with: func(s *spot) []string {
		return append(s.deed(), "name", "Another", "email", s.who.Login, "locale", "de")
	}},
	"GET /admin/users/{user}/move":                {may: "n n y f f f y", with: moving},
	"POST /admin/users/{user}/move":               {may: "n n y f f f y", with: moving},
	"GET /admin/users/{user}/to-service-account":  {may: "n n y f f f y"},
	"POST /admin/users/{user}/to-service-account": {may: "n n y f f f y", with: serving},
	"GET /admin/users/{user}/service-account":     {may: "n n y f f f y", change: program},
	"POST /admin/users/{user}/service-account":    {may: "n n y f f f y", change: program, ready: (*spot).owned, with: serving},
	"GET /admin/users/{user}/to-regular":          {may: "n n y f f f y", change: program},
	"POST /admin/users/{user}/to-regular":         {may: "n n y f f f y", change: program, with: (*spot).deed},
	"GET /admin/users/{user}/disable":             {may: "n n y f f y y"},
	"POST /admin/users/{user}/disable":            {may: "n n y f f y y", with: (*spot).deed},
	"GET /admin/users/{user}/enable":              {may: "n n y f f y y", change: stopped},
	"POST /admin/users/{user}/enable":             {may: "n n y f f y y", change: stopped, with: (*spot).deed},
	"GET /admin/users/{user}/delete":              {may: "n n y f f f y"},
	"POST /admin/users/{user}/delete":             {may: "n n y f f f y", with: (*spot).deed},
}

// adminRow is one row with what must come of it, and what it is asked with.
type adminRow struct {
	may     string
	with    func(*spot) []string // the fields that do it
	ready   func(*spot)          // what must be so before
	change  func(*core.User)     // what the person is
	partner bool                 // it is about a partner
	ends    bool                 // it ends the session of who sends it
}

func under(s *spot) []string  { return []string{"under", string(s.x.ID)} }
func parent(s *spot) []string { return []string{"parent", string(s.x.ID)} }
func requiring(s *spot) []string {
	return s.versioned("requirement", "per_user", "requirement", "organization")
}
func confirming(s *spot) []string { return s.versioned("confirm", s.x.Name) }
func several(s *spot) []string    { return []string{"deed", "unlock", "id", string(s.who.ID)} }
func giving(s *spot) []string     { return []string{"user", string(s.who.ID), "role", "helpdesk"} }
func moving(s *spot) []string     { return append(s.deed(), "tenant", string(s.unit.ID)) }
func serving(s *spot) []string    { return append(s.deed(), "reason", "scans", "networks", "10.0.0.0/8") }
func cloning(s *spot) []string {
	return []string{"name", "A clone", "base", "helpdesk", "right", "people.view", "version", s.roleVersion}
}

func describing(s *spot) []string {
	return []string{"name", "Ledger", "auth", "secret", "redirect_uri", "https://ledger.example.com/cb", "consent", "ask", "alg", "ES256", "version", fmt.Sprint(s.app.Version)}
}

func ofApp(s *spot) []string {
	return []string{"version", fmt.Sprint(s.app.Version), "secret", s.secret}
}

func switching(s *spot) []string {
	return s.versioned("app", string(s.app.ID), "go", "on")
}

func changing(doc string) func(*spot) []string {
	return func(s *spot) []string { return s.versioned("change", doc) }
}

func invited(u *core.User) { u.State, u.ValidatedAt = core.UserInvited, time.Time{} }
func program(u *core.User) { u.Kind = core.ServiceAccount }
func stopped(u *core.User) { u.Before, u.State = core.UserActive, core.UserDisabled }

// A row that is not in the table fails the test, and so does one that is answered
// otherwise, in the hands of any of them; a refusal comes before anything is written.
func TestEveryRowAsEveryRole(t *testing.T) {
	inTable := map[string]bool{}
	for pattern := range adminTable {
		pattern, _, _ = strings.Cut(pattern, " #")
		inTable[pattern] = true
	}
	for _, row := range (&console.Handler{}).Routes() {
		if !inTable[row.Pattern] {
			t.Errorf("%s stands in no table: who may use it?", row.Pattern)
		}
		delete(inTable, row.Pattern)
	}
	for pattern := range inTable {
		t.Errorf("%s stands in the table and is no row", pattern)
	}
	house.Each(t, func(t *testing.T, h *house.House) {
		w := newWorld(t, h)
		for column, k := range []walker{
			{"platform", w.holder(h.Root, core.PlatformAdmin), core.PlatformAdmin},
			{"partner", w.holder(w.nordwind, core.PartnerAdmin), core.PartnerAdmin},
			{"customer", w.holder(w.huber, ""), core.CustomerAdmin},
			{"helpdesk", w.holder(w.huber, ""), core.Helpdesk},
			{"auditor", w.holder(w.huber, ""), core.Auditor},
			{"custom", w.holder(w.huber, ""), "custom"},
			{"acting", w.vera, ""},
		} {
			raw := w.enter(k.p)
			for _, key := range sortedRows(adminTable) {
				w.step(k, raw, key, adminTable[key], strings.Fields(adminTable[key].may)[column])
			}
		}
	})
}

// Who is no column of the table: somebody without a role is refused at every address
// alike, nobody goes to the door, and who administers another branch, whatever they
// are there, finds what anybody finds under an id that never was: the same bytes,
// status and headers. Nothing is written.
func TestEveryRowAsAStrangerB34(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		w := newWorld(t, h)
		plain := w.enter(w.holder(w.huber, ""))
		strangers := map[string]*house.Raw{}
		for name, p := range map[string]*house.Person{
			"another partner": w.holder(w.suedwind, core.PartnerAdmin), "another customer": w.holder(w.fremd, core.CustomerAdmin), "another helpdesk": w.holder(w.fremd, core.Helpdesk),
			"another auditor": w.holder(w.fremd, core.Auditor), "another custom role": w.holder(w.fremd, w.custom(w.fremd, "There")),
		} {
			strangers[name] = w.enter(p)
		}
		acting := w.holder(w.suedwind, core.PartnerAdmin)
		strangers["acting in another customer"] = w.actAs(acting, w.fremd)
		for _, key := range sortedRows(adminTable) {
			row := adminTable[key]
			s := w.spotFor(walker{}, plain, row.change)
			if row.partner {
				s.becomePartner(walker{})
			}
			if row.ready != nil {
				row.ready(s)
			}
			pattern, _, _ := strings.Cut(key, " #")
			method, path := s.path(pattern)
			twin := s.twin()
			_, nowhere := twin.path(pattern)
			var fields []string
			if row.with != nil {
				fields = row.with(s)
			}
			elsewhere := s.as(twin, fields)
			before := w.print(s.x.ID)
			if a := ask(plain, method, path, fields); a.Status != http.StatusForbidden || a.Fault() != "forbidden" || same(a) != same(ask(plain, method, nowhere, elsewhere)) {
				t.Errorf("%s without a role: %d %q", key, a.Status, a.Fault())
			}
			if a := ask(h.Raw(""), method, path, fields); !isDoor(a, method, path) || same(a) != same(ask(h.Raw(""), method, nowhere, elsewhere)) {
				t.Errorf("%s of nobody: %d to %q", key, a.Status, a.Location)
			}
			for name, r := range strangers {
				if row.ends {
					continue // it is about the own session
				}
				a, b := ask(r, method, path, fields), ask(r, method, nowhere, elsewhere)
				if same(a) != same(b) {
					t.Errorf("%s of %s:\n%s\nand of an id that never was:\n%s", key, name, same(a), same(b))
				}
				named := path != nowhere || fmt.Sprint(fields) != fmt.Sprint(elsewhere)
				if leads := strings.Fields(row.may)[0] == ">"; named && !leads && (a.Status != http.StatusNotFound || a.Fault() != "not_found") {
					t.Errorf("%s of %s: %d %q", key, name, a.Status, a.Fault())
				}
				if strings.Contains(a.Body, s.x.Name) || strings.Contains(a.Body, s.who.Login) {
					t.Errorf("%s of %s says who is there", key, name)
				}
			}
			if w.print(s.x.ID) != before {
				t.Errorf("%s by a stranger changed something", key)
			}
		}
	})
}

// B-36: where a row is one's own and the id in its form is another branch's, or of
// something else than the one that is meant, it is answered as an id that never was,
// and nothing there is touched.
func TestIdsThatDoNotBelongTogetherB36(t *testing.T) {
	house.Each(t, func(t *testing.T, h *house.House) {
		w := newWorld(t, h)
		tom := w.holder(w.huber, "")
		vera := w.holder(w.nordwind, core.PartnerAdmin)
		own := w.spotFor(walker{"customer", tom, core.CustomerAdmin}, w.enter(tom), nil)
		there := &spot{world: w, x: w.fremd}
		there.furnish(nil)
		w.grant(there.who, core.Helpdesk, w.fremd)
		otto := w.holder(w.suedwind, core.PartnerAdmin)
		there.acting = h.Current(w.actAs(otto, w.fremd)).Session.ID
		// Beside them: of the same customer, and not of the same person.
		beside := w.account(own.x, nil)
		session, browser := w.seated(beside)
		x, u := "/admin/tenants/"+string(own.x.ID), "/admin/users/"+string(own.who.ID)
		twin := there.twin()
		twin.who.Login = "q" + there.who.Login[1:] // as long, and nobody's
		for name, c := range map[string]struct {
			by     *house.Person
			method string
			path   func(*spot) string
			fields func(*spot) []string
		}{
			"a list under":            {tom, "GET", to("/admin/tenants"), func(s *spot) []string { return []string{"under", string(s.x.ID)} }},
			"a search under":          {tom, "GET", to("/admin/tenants"), func(s *spot) []string { return []string{"under", string(s.x.ID), "q", "F"} }},
			"a form under":            {tom, "GET", to("/admin/tenants/new"), func(s *spot) []string { return []string{"parent", string(s.x.ID)} }},
			"a node under":            {tom, "POST", to("/admin/tenants/new"), func(s *spot) []string { return []string{"parent", string(s.x.ID), "kind", "unit", "name", "Mine"} }},
			"a move under, looked at": {vera, "GET", to(x + "/move"), func(s *spot) []string { return []string{"parent", string(s.x.ID)} }},
			"a move under":            {vera, "POST", to(x + "/move"), func(s *spot) []string { return own.versioned("parent", string(s.x.ID)) }},
			"a role for":              {tom, "POST", to(x + "/roles/grant"), func(s *spot) []string { return []string{"user", string(s.who.ID), "role", "helpdesk"} }},
			"a role for a login":      {tom, "POST", to(x + "/roles/grant"), func(s *spot) []string { return []string{"user", s.who.Login, "role", "helpdesk"} }},
			"a role from":             {tom, "POST", to(x + "/roles/revoke"), func(s *spot) []string { return []string{"user", string(s.who.ID), "role", "helpdesk"} }},
			"a custom role":           {tom, "POST", to(x + "/roles/grant"), func(s *spot) []string { return []string{"user", string(own.who.ID), "role", string(s.role)} }},
			"a custom role taken":     {tom, "POST", to(x + "/roles/revoke"), func(s *spot) []string { return []string{"user", string(own.who.ID), "role", string(s.role)} }},
			"a custom role invited with": {tom, "POST", to(x + "/users/invite"), func(s *spot) []string {
				return []string{"name", "New", "email", "new@example.com", "role", string(s.role)}
			}},
			"a custom role looked at": {tom, "GET", func(s *spot) string { return x + "/roles/" + string(s.role) }, none},
			"a custom role changed":   {tom, "POST", func(s *spot) string { return x + "/roles/" + string(s.role) }, cloning},
			"a custom role deleted":   {tom, "POST", func(s *spot) string { return x + "/roles/" + string(s.role) + "/delete" }, none},
			"many": {tom, "POST", to(x + "/users/bulk"), func(s *spot) []string {
				return []string{"deed", "disable", "id", string(own.who.ID), "id", string(s.who.ID)}
			}},
			"many looked at": {tom, "GET", to(x + "/users/bulk"), func(s *spot) []string {
				return []string{"deed", "disable", "id", string(own.who.ID), "id", string(s.who.ID)}
			}},
			"somebody acting":            {tom, "POST", to(x + "/support/end"), func(s *spot) []string { return []string{"session", string(s.acting)} }},
			"a session as one acting":    {tom, "POST", to(x + "/support/end"), func(s *spot) []string { return []string{"session", string(s.session)} }},
			"a session":                  {tom, "POST", to(u + "/sessions"), func(s *spot) []string { return []string{"session", string(s.session)} }},
			"a browser":                  {tom, "POST", to(u + "/browsers"), func(s *spot) []string { return []string{"browser", string(s.browser)} }},
			"a new home":                 {tom, "POST", to(u + "/move"), func(s *spot) []string { return append(own.deed(), "tenant", string(s.unit.ID)) }},
			"a new home looked at":       {tom, "GET", to(u + "/move"), func(s *spot) []string { return append(own.deed(), "tenant", string(s.unit.ID)) }},
			"the log about":              {tom, "GET", to(x + "/audit"), func(s *spot) []string { return []string{"q", string(s.who.ID)} }},
			"the log about a login":      {tom, "GET", to(x + "/audit"), func(s *spot) []string { return []string{"q", s.who.Login} }},
			"the resolver about":         {tom, "GET", to("/admin/policy"), func(s *spot) []string { return []string{"user", string(s.who.ID)} }},
			"the resolver about a login": {tom, "GET", to("/admin/policy"), func(s *spot) []string { return []string{"user", s.who.Login} }},
			"one's own session":          {tom, "POST", to("/account/security/sessions"), func(s *spot) []string { return []string{"session", string(s.session)} }},
			"one's own browser":          {tom, "POST", to("/account/security/browsers/forget"), func(s *spot) []string { return []string{"browser", string(s.browser), "code", "000000"} }},
		} {
			r := w.enter(c.by)
			before, besideBefore := w.print(w.fremd.ID), w.print(own.x.ID)
			a, b := ask(r, c.method, c.path(there), c.fields(there)), ask(r, c.method, c.path(twin), c.fields(twin))
			unnamed := func(a house.Answer, login string) string {
				return strings.NewReplacer(login, "LOGIN", url.QueryEscape(login), "LOGIN").Replace(same(a))
			}
			if unnamed(a, there.who.Login) != unnamed(b, twin.who.Login) {
				t.Errorf("%s: %d %q, of an id that never was %d %q", name, a.Status, a.Fault(), b.Status, b.Fault())
			}
			// What is forgotten already is forgotten, whosever it was: that is no refusal.
			if name == "one's own browser" {
				if a.Status != http.StatusSeeOther {
					t.Errorf("%s: %d", name, a.Status)
				}
			} else if a.Status == http.StatusSeeOther || c.method == http.MethodPost && a.Status < 400 {
				t.Errorf("%s: %d to %q", name, a.Status, a.Location)
			}
			if w.print(w.fremd.ID) != before {
				t.Errorf("%s: changed what is there", name)
			}
			if w.print(own.x.ID) != besideBefore {
				t.Errorf("%s: changed what is here", name)
			}
		}
		r := w.enter(tom)
		for path, field := range map[string][]string{u + "/sessions": {"session", string(session)}, u + "/browsers": {"browser", string(browser)}, x + "/support/end": {"session", string(session)}} {
			before := w.print(own.x.ID)
			if a := r.Post(path, field...); a.Status != http.StatusNotFound || w.print(own.x.ID) != before {
				t.Errorf("%s with what is somebody else's: %d %q", path, a.Status, a.Fault())
			}
		}
	})
}

func none(*spot) []string               { return nil }
func to(path string) func(*spot) string { return func(*spot) string { return path } }

// step walks one row as one of them.
func (w *world) step(k walker, raw *house.Raw, key string, row adminRow, want string) {
	w.t.Helper()
	var s *spot
	if only := strings.HasPrefix(key, "GET ") && row.ready == nil && row.change == nil && !row.partner; only && w.shown != nil && w.shownTo == k.name {
		s = w.shown // to look at something changes nothing, which is checked
	} else if s = w.spotFor(k, raw, row.change); only {
		w.shown, w.shownTo = s, k.name
	}
	if row.partner {
		s.becomePartner(k)
	}
	if row.ready != nil {
		row.ready(s)
	}
	pattern, _, _ := strings.Cut(key, " #")
	method, path := s.path(pattern)
	var fields []string
	if row.with != nil {
		fields = row.with(s)
	}
	before := w.print(s.x.ID)
	a := ask(s.raw, method, path, fields)
	complain := func(format string, args ...any) {
		w.t.Helper()
		w.t.Errorf("%s as %s, wanted %s: %s (status %d to %q, page %q, fault %q)", key, k.name, want, fmt.Sprintf(format, args...), a.Status, a.Location, a.Page(), a.Fault())
	}
	changed := w.print(s.x.ID) != before
	inside := strings.HasPrefix(a.Location, "/admin/") || strings.HasPrefix(a.Location, "/account/")
	switch want {
	case "y":
		if method == http.MethodGet && (a.Status != http.StatusOK || a.Page() == "error" || a.Fault() != "") {
			complain("no page")
		}
		if method == http.MethodPost && (!(a.Status == http.StatusSeeOther && inside || a.Status == http.StatusOK && a.Page() != "error") || !changed && !row.ends) {
			complain("not done; changed: %v", changed)
		}
	case ">":
		// Trying an app leads into a sign-in.
		if a.Status != http.StatusSeeOther || !inside && !strings.HasPrefix(a.Location, "/oauth2/continue?") {
			complain("does not lead on")
		}
	case "f", "n", "s", "a", "o", "p":
		codes := map[string]string{"f": "403 forbidden", "n": "404 not_found", "s": "403 support.closed", "a": "403 support.acting", "o": "409 support.not_acting", "p": "422 bulk.partly"}
		if got := fmt.Sprint(a.Status, " ", a.Fault()); got != codes[want] {
			complain("not refused so")
		}
	case "d":
		if !isDoor(a, method, path) {
			complain("not to the door")
		}
	default:
		complain("what is that?")
	}
	if changed && (want != "y" || method == http.MethodGet) {
		complain("something was written")
	}
	if want == "n" {
		twin := s.twin()
		_, nowhere := twin.path(pattern)
		if b := ask(s.raw, method, nowhere, s.as(twin, fields)); same(a) != same(b) {
			complain("an id that never was is answered in another way:\n%s\n%s", same(a), same(b))
		}
	}
}

// versioned are fields with the version that a form has looked at.
func (s *spot) versioned(fields ...string) []string {
	return append(fields, "version", s.version(s.x.ID))
}

// deed are the fields that every deed on a person takes.
func (s *spot) deed() []string {
	return []string{"version", fmt.Sprint(s.who.User().Version), "confirm", "Somebody"}
}

func (s *spot) fresh() string {
	s.n++
	return fmt.Sprintf("new%d@example.com", s.n)
}

func (s *spot) folder() core.Tenant {
	s.n++
	return s.Tenant(directory.NewTenant{Kind: core.Folder, Name: fmt.Sprintf("Folder %d", s.n), Parent: s.nordwind.ID})
}

func (s *spot) suspend() {
	_, err := s.Directory.Suspend(s.t.Context(), s.x.ID, access.System(), core.Client{})
	must(s.t, err)
}

func (s *spot) remove() {
	_, err := s.Directory.DeleteTenant(s.t.Context(), s.x.ID, s.x.Name, access.System(), core.Client{})
	must(s.t, err)
}

func (s *spot) shut() {
	_, err := s.Support.SetAccess(s.t.Context(), s.x.ID, false, access.System(), core.Client{})
	must(s.t, err)
}

func (s *spot) somebodyActs() { s.acting = s.Current(s.act(s.x)).Session.ID }

func (s *spot) administered() { s.holder(s.x, core.CustomerAdmin) }

func (s *spot) given() { s.grant(s.who, core.Helpdesk, s.x) }

// owned puts the service account into the hands of somebody of its own customer.
func (s *spot) owned() {
	owner := s.account(s.x, nil)
	must(s.t, s.Store.Update(s.t.Context(), s.x.ID, func(tx store.Tx) error {
		f, err := tx.Service(s.who.ID)
		if err != nil {
			return err
		}
		f.Owner = owner.ID
		return tx.SaveService(f)
	}))
}

// becomePartner makes the step about a partner under the platform, which the
// partner's administrator administers and nobody else of the table belongs to.
func (s *spot) becomePartner(k walker) {
	s.n++
	s.x = s.Tenant(directory.NewTenant{Kind: core.Partner, Mode: core.Trial, Name: fmt.Sprintf("Partner %d", s.n)})
	if k.name == "partner" {
		s.grant(k.p, core.PartnerAdmin, s.x)
	}
}
