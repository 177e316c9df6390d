package cli

import "sallyport/internal/app"

// Verbs are the far halves by name: what a server answers on the socket in its
// data folder, and what this process does itself when no server holds it.
func Verbs() map[string]app.Verb {
	return map[string]app.Verb{
		"admin-link":      verb(farAdminLink),
		"tenant.create":   verb(farTenantCreate),
		"tenant.list":     verb(farTenantList),
		"user.create":     verb(farUserCreate),
		"user.invite":     verb(farUserInvite),
		"user.reinvite":   verb(farUserReinvite),
		"user.list":       verb(farUserList),
		"user.show":       verb(farUserShow),
		"user.reset-mfa":  verb(farResetMFA),
		"user.unlock":     verb(farUnlock),
		"user.disable":    verb(farDisable),
		"user.enable":     verb(farEnable),
		"app.create":      verb(farAppCreate),
		"app.list":        verb(farAppList),
		"app.show":        verb(farAppShow),
		"app.change":      verb(farAppChange),
		"app.rotate":      verb(farAppRotate),
		"app.delete":      verb(farAppDelete),
		"import.begin":    verb(farImportBegin),
		"import.people":   verb(farImportPeople),
		"export.people":   verb(farExportPeople),
		"policy.explain":  verb(farPolicyExplain),
		"policy.simulate": verb(farPolicySimulate),
		"policy.compare":  verb(farPolicyCompare),
		"migrate.list":    verb(farMigrations),
		"migrate.up":      verb(farMigrateUp),
		"backup.create":   verb(farBackupCreate),
		"keys.list":       verb(farKeysList),
		"keys.rotate":     verb(farKeysRotate),
		"audit.verify":    verb(farAuditVerify),
		"audit.tail":      verb(farAuditTail),
		"audit.export":    verb(farAuditExport),
		"mail.test":       verb(farMailTest),
		"doctor":          verb(farDoctor),
		"totp.verify":     verb(farTOTPVerify),
	}
}
