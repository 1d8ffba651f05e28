// Package refusal holds the codes with which Plenary's apps say no: those of
// refused commands, and those of reads that found nothing. A code is a
// published contract. Programs decide by it, so it keeps its meaning for ever;
// a rule that means something else gets a code of its own.
//
// What a code means is said once, in the comment on its constant. All reads
// the comments, for the page that describes the codes. What a person reads of
// a refusal, in which language, and the HTTP status belong to web
// (apps/web/problem), whose table a test holds complete.
package refusal

import "github.com/plenary/plenary/engine/es"

// Orders and seat assignments.
const (
	// OrderNotFound: there is no such order, or not yet; the command may be sent again.
	OrderNotFound es.Code = "order-not-found"
	// OrderAlreadyPlaced: the id belongs to an order that asks for something else.
	OrderAlreadyPlaced es.Code = "order-already-placed"
	// ConferenceNotPublished: the conference takes no new orders.
	ConferenceNotPublished es.Code = "conference-not-published"
	// SalesNotOpen: the seats are not on sale yet.
	SalesNotOpen es.Code = "sales-not-open"
	// SalesClosed: the seats are no longer on sale; an order placed before may be made smaller.
	SalesClosed es.Code = "sales-closed"
	// ConferenceNotReady: this app does not know the conference, or not yet; the command may be sent again.
	ConferenceNotReady es.Code = "conference-not-ready"
	// ItemsRequired: nothing is asked for.
	ItemsRequired es.Code = "items-required"
	// QuantityOutOfRange: more seats of one type than an order may have, or fewer than none.
	QuantityOutOfRange es.Code = "quantity-out-of-range"
	// TooManySeats: more seats of all types than an order may have.
	TooManySeats es.Code = "too-many-seats"
	// UnknownSeatType: the conference has no such seat type, or no longer.
	UnknownSeatType es.Code = "unknown-seat-type"
	// OrderExpired: the order's hold has lapsed. A payment that is refused with this may still get the order reinstated.
	OrderExpired es.Code = "order-expired"
	// OrderCancelled: the order was cancelled.
	OrderCancelled es.Code = "order-cancelled"
	// OrderRejected: the order got no seats.
	OrderRejected es.Code = "order-rejected"
	// OrderConfirmed: the order is confirmed, and no longer open to this.
	OrderConfirmed es.Code = "order-confirmed"
	// NotReserved: no seats are held for the order's items as they are now.
	NotReserved es.Code = "not-reserved"
	// RegistrantRequired: the order does not say yet who places it.
	RegistrantRequired es.Code = "registrant-required"
	// PaymentRequired: the order is not free of charge.
	PaymentRequired es.Code = "payment-required"
	// TooManyChanges: the order has taken as many commands as it takes from people. Nothing of this refusal is recorded.
	TooManyChanges es.Code = "too-many-changes"
	// TooManyHandOvers: the order's seats have been given, corrected and taken back as often as they may be. Nothing of this refusal is recorded.
	TooManyHandOvers es.Code = "too-many-hand-overs"
	// TooManyPayments: as many payments were opened for the order as may be.
	TooManyPayments es.Code = "too-many-payments"
	// AmountDiffers: the amount paid is not the order's total.
	AmountDiffers es.Code = "amount-differs"
	// AlreadyPaid: the order was confirmed before, without this payment.
	AlreadyPaid es.Code = "already-paid"
	// RefundWindowClosed: a confirmed order of this conference can no longer be cancelled.
	RefundWindowClosed es.Code = "refund-window-closed"
	// ConferenceStarted: an order that was free of charge is given back before the conference starts.
	ConferenceStarted es.Code = "conference-started"
	// HandOverClosed: seats are no longer handed on by their holder; the organiser still can.
	HandOverClosed es.Code = "hand-over-closed"
	// NoSuchPosition: the order has no seat at this position.
	NoSuchPosition es.Code = "no-such-position"
	// OrderNotConfirmed: seats are given back of a confirmed order; the items of an open one are changed.
	OrderNotConfirmed es.Code = "order-not-confirmed"
	// SeatGivenBack: the seat at this position was given back.
	SeatGivenBack es.Code = "seat-given-back"
	// OrderNotEnded: the order may still be confirmed, and keeps what it holds.
	OrderNotEnded es.Code = "order-not-ended"
	// PaymentConfirms: the order is confirmed with this payment; who cancels the order gives it back.
	PaymentConfirms es.Code = "payment-confirms"
	// PaymentReturned: an operator has given this payment back.
	PaymentReturned es.Code = "payment-returned"
	// ReasonInvalid: the reason is blank, too long, or has a character that a line may not have.
	ReasonInvalid es.Code = "reason-invalid"
)

// Organisations.
const (
	// OrganisationNotFound: there is no such organisation, or not yet.
	OrganisationNotFound es.Code = "organisation-not-found"
	// OrganisationExists: the id belongs to another organisation.
	OrganisationExists es.Code = "organisation-exists"
	// OwnerRequired: members and credentials are looked after by owners of the organisation.
	OwnerRequired es.Code = "owner-required"
	// MemberNotFound: the organisation has no such member, or no longer.
	MemberNotFound es.Code = "member-not-found"
	// MemberExists: the id belongs to another member, or to one who was removed.
	MemberExists es.Code = "member-exists"
	// TooManyMembers: an organisation has as many members as it may have, or has had.
	TooManyMembers es.Code = "too-many-members"
	// CredentialNotFound: the organisation never issued such a credential.
	CredentialNotFound es.Code = "credential-not-found"
	// CredentialExists: the id belongs to another credential, or to one that was revoked.
	CredentialExists es.Code = "credential-exists"
	// TooManyCredentials: a member has as many credentials as one may have, or has had.
	TooManyCredentials es.Code = "too-many-credentials"
)

// Between the apps: these answer the registration process, and show in timelines.
const (
	// VersionSuperseded: the command is about an earlier version of the order's items.
	VersionSuperseded es.Code = "version-superseded"
	// AlreadyReserved: the seats have answered for this version of the items.
	AlreadyReserved es.Code = "already-reserved"
	// NothingGranted: a grant without seats.
	NothingGranted es.Code = "nothing-granted"
	// GrantExceedsRequest: seats were granted that the order did not ask for.
	GrantExceedsRequest es.Code = "grant-exceeds-request"
	// NotExpired: the order did not expire, so it cannot be reinstated.
	NotExpired es.Code = "not-expired"
	// RequestTooLate: the request for seats came after the time up to which it could wait.
	RequestTooLate es.Code = "request-too-late"
)

// What people write.
const (
	// ConferenceWasPublished: its slug stands in links, so that it is neither renamed nor deleted.
	ConferenceWasPublished es.Code = "conference-was-published"
	// NameRequired: a conference, a seat type, an organisation or a person without a name.
	NameRequired es.Code = "name-required"
	// NameInvalid: a name that is not one line, cannot be seen, would deceive a reader, or is too long.
	NameInvalid es.Code = "name-invalid"
	// EmailInvalid: what was given is no e-mail address.
	EmailInvalid es.Code = "email-invalid"
	// TextInvalid: a description or location that would deceive a reader, or is too long.
	TextInvalid es.Code = "text-invalid"
)

// Conferences.
const (
	// ConferenceNotFound: there is no such conference, or not yet; the command may be sent again.
	ConferenceNotFound es.Code = "conference-not-found"
	// ConferenceChanged: the change is meant for an earlier version of the conference; nothing was changed.
	ConferenceChanged es.Code = "conference-changed"
	// ConferenceExists: the id belongs to a conference that says something else.
	ConferenceExists es.Code = "conference-exists"
	// SlugInvalid: the slug has not the form of one, or looks like an id.
	SlugInvalid es.Code = "slug-invalid"
	// SlugTaken: another conference has the slug.
	SlugTaken es.Code = "slug-taken"
	// CurrencyUnknown: no currency in use has this code.
	CurrencyUnknown es.Code = "currency-unknown"
	// DatesInvalid: the conference does not end after it starts.
	DatesInvalid es.Code = "dates-invalid"
	// DateOutOfRange: a date before 1970 or after 2200.
	DateOutOfRange es.Code = "date-out-of-range"
	// TimeZoneUnknown: no time zone of the IANA database has this name.
	TimeZoneUnknown es.Code = "time-zone-unknown"
	// SalesWindowInvalid: sales would close before they open, or after the conference.
	SalesWindowInvalid es.Code = "sales-window-invalid"
	// RefundWindowInvalid: refunds would end after the conference.
	RefundWindowInvalid es.Code = "refund-window-invalid"
	// HandOverInvalid: seats would be handed on after the conference.
	HandOverInvalid es.Code = "hand-over-invalid"
	// SeatTypeRequired: a conference without seat types cannot be published.
	SeatTypeRequired es.Code = "seat-type-required"
	// LastSeatType: a published conference keeps one seat type.
	LastSeatType es.Code = "last-seat-type"
	// ConferenceEnded: the conference is over.
	ConferenceEnded es.Code = "conference-ended"
	// SeatTypeExists: the id belongs to a seat type that says something else.
	SeatTypeExists es.Code = "seat-type-exists"
	// SeatTypeRemoved: the seat type was removed, and does not come back.
	SeatTypeRemoved es.Code = "seat-type-removed"
	// TooManySeatTypes: the conference has as many seat types as it may have.
	TooManySeatTypes es.Code = "too-many-seat-types"
	// PriceInvalid: a price below zero or above the bound.
	PriceInvalid es.Code = "price-invalid"
	// QuotaInvalid: a quota below zero or above the bound.
	QuotaInvalid es.Code = "quota-invalid"
)

// The waitlist.
const (
	// WaitlistClosed: the organiser closed the line for these seats.
	WaitlistClosed es.Code = "waitlist-closed"
	// WaitlistFull: as many orders are in line as a conference's line takes.
	WaitlistFull es.Code = "waitlist-full"
	// NotWaitlisted: the order is not in line, or no more.
	NotWaitlisted es.Code = "not-waitlisted"
	// TooManyMoves: the lines of the conference were moved as often as they can be.
	TooManyMoves es.Code = "too-many-moves"
)

// Promo codes.
const (
	// PromoCodeUnknown: the conference has no such promo code.
	PromoCodeUnknown es.Code = "promo-code-unknown"
	// PromoCodeRetired: the promo code is taken no more.
	PromoCodeRetired es.Code = "promo-code-retired"
	// PromoCodeNotValidNow: the promo code is taken at another time.
	PromoCodeNotValidNow es.Code = "promo-code-not-valid-now"
	// PromoCodeUsedUp: nothing is left of the promo code's quota.
	PromoCodeUsedUp es.Code = "promo-code-used-up"
	// PromoCodeNotForSeats: the order has no seat that the promo code is for.
	PromoCodeNotForSeats es.Code = "promo-code-not-for-seats"
	// PromoCodeExclusive: this promo code, or one that the order has, cannot be combined with another.
	PromoCodeExclusive es.Code = "promo-code-exclusive"
	// PromoCodePending: a promo code of the order has not been answered, so that its price may change.
	PromoCodePending es.Code = "promo-code-pending"
	// TooManyPromoCodes: the order has as many promo codes as it may have.
	TooManyPromoCodes es.Code = "too-many-promo-codes"
	// DiscountSuperseded: the discount answers an earlier request of the order.
	DiscountSuperseded es.Code = "discount-superseded"
	// PromoCodeInvalid: what is said of a promo code is not one: its letters, or neither or both of a percentage and an amount.
	PromoCodeInvalid es.Code = "promo-code-invalid"
	// PromoCodeExists: the conference has a promo code with these letters that says something else.
	PromoCodeExists es.Code = "promo-code-exists"
	// PromoQuotaTooLarge: the promo code would be for more than there are seats of the types that it is for.
	PromoQuotaTooLarge es.Code = "promo-quota-too-large"
	// PromoWindowInvalid: the promo code would end before it begins.
	PromoWindowInvalid es.Code = "promo-window-invalid"
)

// Payments.
const (
	// PaymentNotFound: there is no such payment, or not yet; the command may be sent again.
	PaymentNotFound es.Code = "payment-not-found"
	// PaymentsNotOffered: no payment provider is set up, so nothing can be paid.
	PaymentsNotOffered es.Code = "payments-not-offered"
	// PaymentExists: the id belongs to another payment.
	PaymentExists es.Code = "payment-exists"
	// PaymentOpen: another payment of the order is open, which can be gone on with.
	PaymentOpen es.Code = "another-payment-open"
	// AmountInvalid: there is nothing to pay.
	AmountInvalid es.Code = "amount-invalid"
	// PaymentCompleted: the money was taken, so the payment can only be refunded.
	PaymentCompleted es.Code = "payment-completed"
	// PaymentNotCompleted: no money was taken, so none can be given back.
	PaymentNotCompleted es.Code = "payment-not-completed"
	// RefundPending: the provider has not answered the last refund.
	RefundPending es.Code = "refund-pending"
	// RefundTooLarge: more would go back than was taken.
	RefundTooLarge es.Code = "refund-too-large"
	// RefundNotRequested: refunds are asked for one after another, and this is not the next.
	RefundNotRequested es.Code = "refund-not-requested"
)

// Dead letters.
const (
	// DeadLetterNotFound: there is no such dead letter.
	DeadLetterNotFound es.Code = "dead-letter-not-found"
	// DeadLetterClosed: the dead letter was sent back or discarded before.
	DeadLetterClosed es.Code = "dead-letter-closed"
	// NotResendable: what was received is no message that could be sent again.
	NotResendable es.Code = "not-resendable"
	// StreamNotParked: no dead letter of the stream is open.
	StreamNotParked es.Code = "stream-not-parked"
)
