// Package audit owns the words of the audit log, its seal and its export.
//
// Journeys append events inside their own transaction, so there is no effect
// without its record and no record without its effect. A sealer, one node
// at a time by lease, takes committed events every second, gives them positions
// and links a signed batch to the one before. Verify checks events against
// batches and batches against each other, from an export alone; it names what
// was deleted, changed, inserted or moved, and says what is not sealed yet.
//
// Events hold ids, never names, addresses of mail or anything secret.
package audit
