package hosted

import (
	"context"
	"net/http"

	"sallyport/internal/core"
	"sallyport/internal/signin"
	"sallyport/internal/web"
)

// What may be reset at the prompt, each for a current code.

func (h *Handler) promptPage(r *http.Request, p signin.Page, kind PromptKind, typed string, fault error) PromptPage {
	q := PromptPage{Page: h.page(p.Effective), Kind: kind, Action: action(r, "reset-"+string(kind)), Back: action(r, "code"), Login: p.User.Login,
		Mail: web.MaskMail(p.User.Email), Digits: 6, Trusted: p.Trusted, Required: p.Decision.Required, Text: textMode(r), Typed: typed}
	q.Fault = fault
	if f, ok := confirmed(p.Factors, core.FactorTOTP); ok {
		q.Digits = f.Doc.Digits
	}
	_, q.Recovery = confirmed(p.Factors, core.FactorRecoveryCode)
	return q
}

func (h *Handler) getPrompt(kind PromptKind) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, r, err := h.look(w, r, signin.StepCode)
		if err != nil {
			return err
		}
		if kind == PromptMFA && !p.MayReset {
			return core.ErrPolicyLocked.With("by", p.Effective.Name())
		}
		return web.Render(w, r, http.StatusOK, Prompt(h.promptPage(r, p, kind, "", nil)))
	}
}

func (h *Handler) postPrompt(kind PromptKind) func(http.ResponseWriter, *http.Request) error {
	do := func(ctx context.Context, id core.AttemptID, typed string, v signin.Visitor) (signin.Result, error) {
		if kind == PromptMFA {
			return h.SignIn.ResetMFA(ctx, id, typed, v)
		}
		return h.SignIn.ResetBrowsers(ctx, id, typed, v)
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := web.ParseForm(w, r, "code")
		if err == nil {
			var res signin.Result
			if res, err = do(r.Context(), attemptID(r), f.Get("code"), h.visitor(r)); err == nil {
				return h.follow(w, r, attemptID(r), res)
			}
		}
		if fault, ok := core.AsFault(err); ok && fault.Code == core.ErrPolicyLocked.Code {
			return err
		}
		p, r, lookErr := h.look(w, r, signin.StepCode)
		if lookErr != nil {
			if isEnd(err) {
				return err
			}
			return lookErr
		}
		return web.Redraw(w, r, err, Prompt(h.promptPage(r, p, kind, f.Get("code"), err)))
	}
}
