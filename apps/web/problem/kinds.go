package problem

import (
	"net/http"

	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Codes of the problems that the gateway itself finds. All others are in
// contracts/refusal.
const (
	MalformedJSON        es.Code = "malformed-json"
	BodyRequired         es.Code = "body-required"
	ValidationFailed     es.Code = "validation-failed"
	BodyTooLarge         es.Code = "body-too-large"
	UnsupportedMediaType es.Code = "unsupported-media-type"
	RequestTimeout       es.Code = "request-timeout"
	NotFound             es.Code = "not-found"
	MethodNotAllowed     es.Code = "method-not-allowed"
	CredentialRequired   es.Code = "credential-required"
	CredentialOfAnother  es.Code = "credential-of-another-role"
	IdempotencyKeyReused es.Code = "idempotency-key-reused"
	IdempotencyKeyWeak   es.Code = "idempotency-key-weak"
	BacklogTooLong       es.Code = "backlog-too-long"
	CrossOrigin          es.Code = "cross-origin"
	OrderSecretRequired  es.Code = "order-secret-required"
	TooManyRequests      es.Code = "too-many-requests"
	TooManyHolds         es.Code = "too-many-holds"
	ChallengeRequired    es.Code = "challenge-required"
	Unavailable          es.Code = "unavailable"
	InternalError        es.Code = "internal-error"
)

// Text is a problem's text for people.
type Text struct{ Title, Detail string }

// Kind is one kind of problem. Its code never changes; its texts may be improved.
type Kind struct {
	Code    es.Code
	Status  int
	English Text
	Chinese Text
}

// Kinds are all kinds of problem, in the order of the documentation.
var Kinds = []Kind{
	// The request itself.
	{MalformedJSON, http.StatusBadRequest,
		Text{"The body is not JSON", "The request's body cannot be read as JSON."},
		Text{"请求体不是 JSON", "请求体无法按 JSON 解析。"}},
	{BodyRequired, http.StatusBadRequest,
		Text{"A body is required", "The request has no body."},
		Text{"缺少请求体", "该请求没有请求体。"}},
	{ValidationFailed, http.StatusUnprocessableEntity,
		Text{"The request is not valid", "One or more fields are not valid; see errors."},
		Text{"请求不符合规则", "一个或多个字段不符合规则，详见 errors。"}},
	{BodyTooLarge, http.StatusRequestEntityTooLarge,
		Text{"The body is too large", "The request's body is larger than this operation allows."},
		Text{"请求体过大", "请求体超出此操作允许的大小。"}},
	{UnsupportedMediaType, http.StatusUnsupportedMediaType,
		Text{"The media type is not supported", "Send the body as application/json."},
		Text{"不支持的媒体类型", "请以 application/json 发送请求体。"}},
	{RequestTimeout, http.StatusRequestTimeout,
		Text{"The request took too long", "The request's body did not arrive in time."},
		Text{"请求超时", "请求体未能及时到达。"}},
	{NotFound, http.StatusNotFound,
		Text{"Not found", "There is nothing at this address."},
		Text{"未找到", "此地址没有内容。"}},
	{MethodNotAllowed, http.StatusMethodNotAllowed,
		Text{"Method not allowed", "This address does not support this method; see the header Allow."},
		Text{"不允许使用此方法", "此地址不接受该方法，详见 Allow 响应头。"}},
	{CredentialRequired, http.StatusUnauthorized,
		Text{"A credential is required", "Send the organiser's or the operator's token as Authorization: Bearer <token>."},
		Text{"需要凭证", "请以 Authorization: Bearer <token> 发送主办方或运维人员的令牌。"}},
	{CredentialOfAnother, http.StatusForbidden,
		Text{"This credential is for something else", "The organiser's credential opens conferences and orders, the operator's opens the operation of the system."},
		Text{"此凭证另有用途", "主办方凭证用于会议和订单，运维凭证用于系统运维。"}},
	{IdempotencyKeyWeak, http.StatusUnprocessableEntity,
		Text{"The idempotency key is too weak", "An Idempotency-Key must be a UUID, or at least 128 random bits in base64 or hexadecimal digits. Another client might choose the same weaker key and get the answer to this request."},
		Text{"幂等键强度不足", "Idempotency-Key 须为 UUID，或至少 128 位随机数的 base64 或十六进制形式；较弱的键可能与其他客户端的相同，从而使其得到本请求的答复。"}},
	{IdempotencyKeyReused, http.StatusUnprocessableEntity,
		Text{"The idempotency key was used for another request", "For 24 hours an Idempotency-Key stands for one request. This key was used with a different body before."},
		Text{"幂等键已用于其他请求", "24 小时内同一 Idempotency-Key 只对应一个请求；此键此前随另一请求体使用过。"}},
	{CrossOrigin, http.StatusForbidden,
		Text{"The form came from another site", "Open the page here and send the form again."},
		Text{"表单来自其他网站", "请在本站打开页面后重新提交表单。"}},
	{OrderSecretRequired, http.StatusUnauthorized,
		Text{"The order's secret is required", "Send the order's secret as Authorization: Bearer <secret>, or find the order by e-mail address and locator."},
		Text{"需要订单密钥", "请以 Authorization: Bearer <secret> 发送订单密钥，或凭邮箱与订单代码查找订单。"}},
	{BacklogTooLong, http.StatusTooManyRequests,
		Text{"Too many orders are waiting", "Earlier orders are still waiting to be handled. Try again after the time in Retry-After."},
		Text{"排队订单过多", "此前提交的订单仍在等待处理，请在 Retry-After 所示时间后重试。"}},
	{TooManyRequests, http.StatusTooManyRequests,
		Text{"Too many requests", "Try again after the time in Retry-After."},
		Text{"请求过于频繁", "请在 Retry-After 所示时间后重试。"}},
	{TooManyHolds, http.StatusTooManyRequests,
		Text{"Too many orders hold seats", "From this network address, or for this e-mail address, as many orders hold seats as may at once. Confirm or cancel one, or try again after the time in Retry-After."},
		Text{"占座订单过多", "来自此网络地址或使用此邮箱的占座订单已达上限。请确认或取消其中一个，或在 Retry-After 所示时间后重试。"}},
	{ChallengeRequired, http.StatusForbidden,
		Text{"A challenge is required", "Solve the challenge that this site shows, and send its response in the header Challenge-Response."},
		Text{"需要完成验证", "请完成本站显示的人机验证，并在 Challenge-Response 请求头中发送结果。"}},
	{Unavailable, http.StatusServiceUnavailable,
		Text{"The service is not available", "A part of the system cannot be reached at the moment. It is safe to try again with the same Idempotency-Key or the same id."},
		Text{"服务暂不可用", "系统的某个部分暂时无法访问。使用相同的 Idempotency-Key 或相同的 id 重试是安全的。"}},
	{InternalError, http.StatusInternalServerError,
		Text{"Something went wrong", "The request failed because of an error on our side."},
		Text{"内部错误", "由于我方故障，无法处理该请求。"}},

	// Missing resources.
	{refusal.ConferenceNotFound, http.StatusNotFound,
		Text{"There is no such conference", "No conference has this id or slug."},
		Text{"会议不存在", "没有使用此 id 或短名的会议。"}},
	{refusal.OrderNotFound, http.StatusNotFound,
		Text{"There is no such order", "No order has this id, or this combination of e-mail address and locator."},
		Text{"订单不存在", "没有与此 id，或此邮箱与订单代码相匹配的订单。"}},
	{refusal.PaymentNotFound, http.StatusNotFound,
		Text{"There is no such payment", "No payment has this id."},
		Text{"支付不存在", "没有使用此 id 的支付。"}},
	{refusal.DeadLetterNotFound, http.StatusNotFound,
		Text{"There is no such dead letter", "No dead letter has this id."},
		Text{"死信不存在", "没有使用此 id 的死信。"}},

	// The waitlist.
	{refusal.WaitlistClosed, http.StatusConflict,
		Text{"The line is closed", "The organiser has closed the line for these seats. Nothing was paid."},
		Text{"候补已关闭", "主办方已关闭这些席位的候补。未产生任何付款。"}},
	{refusal.WaitlistFull, http.StatusConflict,
		Text{"The line is full", "As many orders are in line as it takes. Please look again later."},
		Text{"候补名额已满", "候补队伍已满，请稍后再来查看。"}},
	{refusal.NotWaitlisted, http.StatusConflict,
		Text{"The order is not in line", "The order does not wait in line. Seats may have been offered to it meanwhile."},
		Text{"订单不在候补中", "该订单未在候补，可能已为其提供席位。"}},
	{refusal.TooManyMoves, http.StatusConflict,
		Text{"The lines were moved too often", "The lines of a conference can be moved 100 times."},
		Text{"候补移动次数过多", "一个会议的候补最多可移动 100 次。"}},

	// Promo codes.
	{refusal.PromoCodeUnknown, http.StatusNotFound,
		Text{"There is no such promo code", "The conference has no such promo code. Please check the letters."},
		Text{"优惠码不存在", "该会议没有此优惠码，请检查输入。"}},
	{refusal.PromoCodeRetired, http.StatusConflict,
		Text{"The promo code is no longer accepted", "The organiser has retired this promo code."},
		Text{"优惠码已停用", "主办方已停用此优惠码。"}},
	{refusal.PromoCodeNotValidNow, http.StatusConflict,
		Text{"The promo code is not valid now", "This promo code is accepted at another time."},
		Text{"优惠码不在有效期内", "此优惠码目前不在有效期内。"}},
	{refusal.PromoCodeUsedUp, http.StatusConflict,
		Text{"The promo code is used up", "All that this promo code was for is taken. Some may come back when others give their orders up."},
		Text{"优惠码已用完", "此优惠码的名额已用完。如他人放弃订单，名额可能会恢复。"}},
	{refusal.PromoCodeNotForSeats, http.StatusConflict,
		Text{"The promo code is not for these seats", "The order has no seat that this promo code is for."},
		Text{"优惠码不适用于所选席位", "订单中没有适用此优惠码的席位。"}},
	{refusal.PromoCodeExclusive, http.StatusConflict,
		Text{"The promo code cannot be combined", "This promo code, or one that the order has, cannot be combined with another. Remove the other one first."},
		Text{"优惠码不能叠加使用", "此优惠码或订单中已有的优惠码不能与其他优惠码叠加，请先移除另一个。"}},
	{refusal.PromoCodePending, http.StatusConflict,
		Text{"A promo code is being checked", "The price of the order may change in a moment. Try again then."},
		Text{"正在核对优惠码", "订单价格可能马上变化，请稍后再试。"}},
	{refusal.TooManyPromoCodes, http.StatusConflict,
		Text{"The order has too many promo codes", "An order takes 5 promo codes."},
		Text{"优惠码过多", "一个订单最多使用 5 个优惠码。"}},
	{refusal.DiscountSuperseded, http.StatusConflict,
		Text{"The discount answers an earlier request", "The order has asked for the promo code again, or does without it."},
		Text{"折扣已过期", "订单已重新申请此优惠码，或已不再使用。"}},
	{refusal.PromoCodeInvalid, http.StatusUnprocessableEntity,
		Text{"This is no promo code", "A promo code has 3 to 32 letters A to Z, digits, hyphens and underlines, and takes off either 1 to 100 percent or an amount. What its quota counts does not change."},
		Text{"优惠码无效", "优惠码须为 3 至 32 个字母 A–Z、数字、连字符或下划线，优惠须为 1% 至 100% 或一个金额，二者选一。名额的计算方式不能更改。"}},
	{refusal.PromoCodeExists, http.StatusConflict,
		Text{"There is such a promo code already", "The conference has a promo code with these letters that says something else."},
		Text{"优惠码已存在", "该会议已有同名但内容不同的优惠码。"}},
	{refusal.PromoQuotaTooLarge, http.StatusUnprocessableEntity,
		Text{"The promo code's quota is too large", "There are fewer seats of the types that the promo code is for."},
		Text{"优惠码名额过大", "适用席位类型的席位数少于此名额。"}},
	{refusal.PromoWindowInvalid, http.StatusUnprocessableEntity,
		Text{"The promo code's times are not in order", "A promo code ends after it begins."},
		Text{"优惠码时间有误", "优惠码的结束时间须晚于开始时间。"}},

	// Orders.
	{refusal.ItemsRequired, http.StatusUnprocessableEntity,
		Text{"One or more items are required", "An order needs at least one item with a quantity above 0."},
		Text{"至少需要一项", "订单至少需要一个数量大于 0 的项目。"}},
	{refusal.QuantityOutOfRange, http.StatusUnprocessableEntity,
		Text{"The quantity is out of range", "An order cannot have that many seats of one type."},
		Text{"数量超出范围", "订单中单一席位类型的数量不在允许范围内。"}},
	{refusal.TooManySeats, http.StatusUnprocessableEntity,
		Text{"Too many seats for one order", "An order may not have so many seats. Place another one for the others."},
		Text{"单个订单的席位过多", "一个订单不能包含这么多席位，其余席位请另行下单。"}},
	{refusal.UnknownSeatType, http.StatusUnprocessableEntity,
		Text{"There is no such seat type", "The conference does not have this seat type, or no longer has it."},
		Text{"席位类型不存在", "该会议没有此席位类型，或已移除。"}},
	{refusal.ConferenceNotPublished, http.StatusConflict,
		Text{"The conference does not take orders", "The conference is not published."},
		Text{"会议不接受订单", "该会议尚未发布。"}},
	{refusal.ConferenceNotReady, http.StatusConflict,
		Text{"The conference is not ready yet", "The conference is not known yet. Try again in a moment."},
		Text{"会议尚未就绪", "此处尚不知晓该会议，请稍后重试。"}},
	{refusal.SalesNotOpen, http.StatusConflict,
		Text{"Sales have not begun", "These seats are not on sale yet. The conference's page says when sales open."},
		Text{"尚未开售", "这些席位尚未开售，开售时间见会议页面。"}},
	{refusal.SalesClosed, http.StatusConflict,
		Text{"Sales are over", "These seats are no longer on sale. The quantity in an existing order can only be reduced."},
		Text{"已停售", "这些席位已停售；此前的订单只能减少数量。"}},
	{refusal.OrderAlreadyPlaced, http.StatusConflict,
		Text{"The order exists already", "Another order was placed with this id."},
		Text{"订单已存在", "此 id 已用于另一订单。"}},
	{refusal.OrderExpired, http.StatusConflict,
		Text{"The order has expired", "The seats were held for a limited time, which is over."},
		Text{"订单已过期", "席位保留时间已过。"}},
	{refusal.OrderCancelled, http.StatusConflict,
		Text{"The order was cancelled", "A cancelled order cannot be changed."},
		Text{"订单已取消", "已取消的订单不能更改。"}},
	{refusal.OrderRejected, http.StatusConflict,
		Text{"The order was rejected", "There were no seats for the order."},
		Text{"订单被拒绝", "该订单没有可用席位。"}},
	{refusal.OrderConfirmed, http.StatusConflict,
		Text{"The order is confirmed", "A confirmed order cannot be changed."},
		Text{"订单已确认", "已确认的订单不能更改。"}},
	{refusal.NotReserved, http.StatusConflict,
		Text{"The seats are not reserved", "No seats are held for the order as it is."},
		Text{"席位未保留", "当前订单没有保留席位。"}},
	{refusal.RegistrantRequired, http.StatusConflict,
		Text{"A registrant is required", "Set the order's registrant first."},
		Text{"需要登记人", "请先填写登记人信息。"}},
	{refusal.PaymentRequired, http.StatusConflict,
		Text{"A payment is required", "The order is not free."},
		Text{"需要付款", "该订单不是免费的。"}},
	{refusal.TooManyChanges, http.StatusConflict,
		Text{"The order was changed too often", "The number of changes to an order is limited, and this order has reached the limit. It can still be paid, and the organiser can help."},
		Text{"订单更改次数过多", "每个订单可接受的操作次数有限，此订单已达上限；仍可付款，也可联系主办方。"}},
	{refusal.TooManyHandOvers, http.StatusConflict,
		Text{"The seats were reassigned too often", "The number of times an order's seats can be assigned, corrected and unassigned is limited. The organiser can help."},
		Text{"席位转让次数过多", "订单席位的分配、更正与收回次数有限，现已达上限；可联系主办方。"}},
	{refusal.TooManyPayments, http.StatusConflict,
		Text{"Too many payments were started", "The number of payments that can be started for an order is limited. The organiser can help."},
		Text{"发起的支付过多", "每个订单可发起的支付次数有限；可联系主办方。"}},
	{refusal.AmountDiffers, http.StatusConflict,
		Text{"The amount differs from the price", "The amount is not the order's total."},
		Text{"金额与价格不符", "支付金额与订单总额不一致。"}},
	{refusal.AlreadyPaid, http.StatusConflict,
		Text{"The order is already paid", "Another payment has confirmed the order."},
		Text{"订单已付款", "该订单已由另一笔支付确认。"}},
	{refusal.RefundWindowClosed, http.StatusConflict,
		Text{"The time for refunds is over", "A paid order can no longer be cancelled."},
		Text{"退款期限已过", "已付款的订单不能再取消。"}},
	{refusal.ConferenceStarted, http.StatusConflict,
		Text{"The conference has started", "A free order can be cancelled only before the conference starts."},
		Text{"会议已开始", "免费订单须在会议开始前退订。"}},
	{refusal.HandOverClosed, http.StatusConflict,
		Text{"Seats can no longer be reassigned", "The deadline for reassigning seats has passed. The organiser can still do it."},
		Text{"席位转让期限已过", "已不能再更改席位的参会者；主办方仍可更改。"}},
	{refusal.NoSuchPosition, http.StatusNotFound,
		Text{"There is no such seat", "The order has no seat at this position."},
		Text{"席位不存在", "该订单在此位置没有席位。"}},
	{refusal.OrderNotConfirmed, http.StatusConflict,
		Text{"The order is not confirmed", "Until an order is confirmed, its items are changed instead."},
		Text{"订单尚未确认", "订单确认之前，请直接更改订单项目。"}},
	{refusal.SeatGivenBack, http.StatusConflict,
		Text{"The seat was given back", "It does not belong to the order any more."},
		Text{"席位已退", "该席位已不属于此订单。"}},

	// Between the apps: refusals of the registration process's commands, shown in timelines.
	{refusal.VersionSuperseded, http.StatusConflict,
		Text{"The items have changed", "The command refers to an earlier version of the order's items."},
		Text{"项目已变更", "此命令针对订单项目的旧版本。"}},
	{refusal.AlreadyReserved, http.StatusConflict,
		Text{"The seats are already reserved", "Seats are already held for this version of the items."},
		Text{"席位已保留", "此版本的项目已保留席位。"}},
	{refusal.NothingGranted, http.StatusConflict,
		Text{"No seats were granted", "There is nothing to reserve."},
		Text{"未分配席位", "没有可保留的席位。"}},
	{refusal.GrantExceedsRequest, http.StatusConflict,
		Text{"More was granted than requested", "Seats were granted that the order did not request."},
		Text{"分配超出请求", "分配了订单未请求的席位。"}},
	{refusal.NotExpired, http.StatusConflict,
		Text{"The order has not expired", "Only an expired order can be reinstated."},
		Text{"订单未过期", "只有过期的订单才能恢复。"}},
	{refusal.RequestTooLate, http.StatusConflict,
		Text{"The request came too late", "The request for seats waited longer than it may."},
		Text{"请求过迟", "席位请求已超过可等待的时间。"}},

	// Conferences.
	{refusal.ConferenceChanged, http.StatusPreconditionFailed,
		Text{"The conference has changed", "The conference was changed after it was read, so nothing was changed now. Its current state is in current; review it and decide again."},
		Text{"会议已被他人更改", "自读取以来会议已被他人更改，本次未作任何更改。当前内容见 current，请查看后重新决定。"}},
	{refusal.ConferenceExists, http.StatusConflict,
		Text{"The conference exists already", "Another conference has this id."},
		Text{"会议已存在", "已有使用此 id 的会议。"}},
	{refusal.SlugInvalid, http.StatusUnprocessableEntity,
		Text{"The slug is not valid", "A slug has at most 64 characters: lower-case letters and digits, with single hyphens between them. It must not look like an id."},
		Text{"短名无效", "短名最多 64 个字符，由小写字母、数字及其间的单个连字符组成，且不得形如 id。"}},
	{refusal.SlugTaken, http.StatusConflict,
		Text{"The slug is taken", "Another conference has this slug."},
		Text{"短名已被占用", "另一会议已使用此短名。"}},
	{refusal.ConferenceWasPublished, http.StatusConflict,
		Text{"The conference was published before", "A conference that was ever published keeps its address, which stands in links, and is not deleted. It can be taken off sale, or copied."},
		Text{"会议曾经发布过", "曾发布过的会议保留其网址，不能改名或删除。可以停止销售，或复制一份。"}},
	{refusal.NameRequired, http.StatusUnprocessableEntity,
		Text{"A name is required", "A name must not be blank; a person needs only a first or a last name."},
		Text{"需要名称", "名称不得为空白；个人的名和姓可以只填其一。"}},
	{refusal.NameInvalid, http.StatusUnprocessableEntity,
		Text{"The name is not valid", "A name is one line of at most 100 characters and 1,000 bytes, with at least one visible character, no control characters and no characters that override the text's direction."},
		Text{"名称无效", "名称为一行，最多 100 个字符、1000 字节，须含可见字符，不得含有控制字符或改变周围文字方向的字符。"}},
	{refusal.EmailInvalid, http.StatusUnprocessableEntity,
		Text{"The e-mail address is not valid", "No e-mail can be sent to this address."},
		Text{"邮箱地址无效", "这不是可以投递的邮箱地址。"}},
	{refusal.TextInvalid, http.StatusUnprocessableEntity,
		Text{"The text is not valid", "A text must not contain control characters or characters that override the text's direction, and its length is limited."},
		Text{"文本无效", "文本不得含有控制字符或改变周围文字方向的字符，且有长度上限。"}},
	{refusal.CurrencyUnknown, http.StatusUnprocessableEntity,
		Text{"The currency is unknown", "The code is not that of a currency in use (ISO 4217)."},
		Text{"货币未知", "该代码不是现行货币代码 (ISO 4217)。"}},
	{refusal.DatesInvalid, http.StatusUnprocessableEntity,
		Text{"The dates are not valid", "A conference must end after it starts."},
		Text{"日期无效", "会议的结束时间必须晚于开始时间。"}},
	{refusal.DateOutOfRange, http.StatusUnprocessableEntity,
		Text{"A date is out of range", "Dates must be between 1970 and 2200."},
		Text{"日期超出范围", "日期须在 1970 年至 2200 年之间。"}},
	{refusal.TimeZoneUnknown, http.StatusUnprocessableEntity,
		Text{"The time zone is unknown", "The time zone must be an IANA name, like Europe/Berlin."},
		Text{"时区未知", "时区须为 IANA 数据库中的名称，例如 Europe/Berlin。"}},
	{refusal.SalesWindowInvalid, http.StatusUnprocessableEntity,
		Text{"The sales window is not valid", "Sales must close after they open, and no later than the conference ends."},
		Text{"销售期限无效", "停售时间必须晚于开售时间，且最迟至会议结束。"}},
	{refusal.HandOverInvalid, http.StatusUnprocessableEntity,
		Text{"The deadline for reassigning seats is not valid", "The deadline must not be after the conference ends."},
		Text{"席位转让期限无效", "席位转让期限最迟至会议结束。"}},
	{refusal.RefundWindowInvalid, http.StatusUnprocessableEntity,
		Text{"The refund deadline is not valid", "The deadline must not be after the conference ends."},
		Text{"退款期限无效", "退款期限最迟至会议结束。"}},
	{refusal.SeatTypeRequired, http.StatusConflict,
		Text{"A seat type is required", "A conference needs a seat type before it can be published."},
		Text{"需要席位类型", "会议发布前至少需要一个席位类型。"}},
	{refusal.LastSeatType, http.StatusConflict,
		Text{"This is the last seat type", "A published conference needs a seat type; unpublish it first, or set the quota to 0."},
		Text{"这是最后一个席位类型", "已发布的会议须保留一个席位类型；请先取消发布，或将配额设为 0。"}},
	{refusal.ConferenceEnded, http.StatusConflict,
		Text{"The conference is over", "A conference that is over cannot be published, and its orders can no longer be placed or cancelled."},
		Text{"会议已结束", "已结束的会议不能发布、不接受订单，也不能退订。"}},
	{refusal.SeatTypeExists, http.StatusConflict,
		Text{"The seat type exists already", "Another seat type has this id."},
		Text{"席位类型已存在", "已有使用此 id 的席位类型。"}},
	{refusal.SeatTypeRemoved, http.StatusConflict,
		Text{"The seat type was removed", "A removed seat type cannot be restored; add a new one with its own id."},
		Text{"席位类型已移除", "已移除的席位类型不能恢复；新的席位类型需使用新的 id。"}},
	{refusal.TooManySeatTypes, http.StatusConflict,
		Text{"Too many seat types", "The conference has reached the maximum number of seat types."},
		Text{"席位类型过多", "该会议的席位类型已达上限。"}},
	{refusal.PriceInvalid, http.StatusUnprocessableEntity,
		Text{"The price is not valid", "A price, in minor units, must be 0 or more; there is an upper limit."},
		Text{"价格无效", "价格以最小货币单位计，不得为负，且有上限。"}},
	{refusal.QuotaInvalid, http.StatusUnprocessableEntity,
		Text{"The quota is not valid", "A quota must be 0 or more seats; there is an upper limit."},
		Text{"配额无效", "配额不得为负，且有上限。"}},

	// Payments.
	{refusal.PaymentsNotOffered, http.StatusConflict,
		Text{"Payments are not offered", "No payment provider is set up here, so nothing can be paid."},
		Text{"暂不支持支付", "此处未设置支付服务商，无法付款。"}},
	{refusal.PaymentExists, http.StatusConflict,
		Text{"The payment exists already", "Another payment has this id."},
		Text{"支付已存在", "此 id 已用于另一笔支付。"}},
	{refusal.PaymentOpen, http.StatusConflict,
		Text{"A payment of this order is open", "Go on with the payment that is open, whose page is in current, or give it up there before you start another."},
		Text{"此订单已有一笔支付正在进行", "请继续完成 current 中的那笔支付，或先在其页面放弃，再重新发起。"}},
	{refusal.AmountInvalid, http.StatusUnprocessableEntity,
		Text{"The amount is not valid", "There is nothing to pay."},
		Text{"金额无效", "没有需要支付的金额。"}},
	{refusal.PaymentCompleted, http.StatusConflict,
		Text{"The payment is completed", "The money was taken."},
		Text{"支付已完成", "款项已收取。"}},
	{refusal.PaymentNotCompleted, http.StatusConflict,
		Text{"The payment is not completed", "No money was taken, so there is nothing to refund."},
		Text{"支付未完成", "未收取款项，无法退款。"}},
	{refusal.RefundPending, http.StatusConflict,
		Text{"A refund is in progress", "The provider has not answered the last request yet."},
		Text{"退款处理中", "支付服务商尚未答复上一次退款请求。"}},
	{refusal.RefundTooLarge, http.StatusConflict,
		Text{"The refund is too large", "More would go back than was paid."},
		Text{"退款金额过大", "退款总额不能超过已付金额。"}},
	{refusal.RefundNotRequested, http.StatusConflict,
		Text{"This refund was not requested", "Refund attempts are numbered in order; this is not the next number."},
		Text{"未请求此退款", "退款须依次请求，此序号不是下一个。"}},

	// Dead letters.
	{refusal.DeadLetterClosed, http.StatusConflict,
		Text{"The dead letter is closed", "It was already sent back or discarded."},
		Text{"死信已处理", "该死信此前已重新发送或丢弃。"}},
	{refusal.StreamNotParked, http.StatusNotFound,
		Text{"Nothing is parked in that stream", "The stream has no open dead letter. If it is stuck nevertheless, name the topic that its app reads."},
		Text{"该流中没有搁置的消息", "该流没有待处理的死信。如果它仍然停滞，请指明其应用读取的主题。"}},
	{refusal.NotResendable, http.StatusConflict,
		Text{"The message cannot be sent back", "The content received is not a message that can be published again."},
		Text{"消息无法重新发送", "收到的内容不是可以重新发布的消息。"}},
}

var kinds = func() map[es.Code]Kind {
	m := make(map[es.Code]Kind, len(Kinds))
	for _, k := range Kinds {
		if _, twice := m[k.Code]; twice {
			panic("problem: listed twice: " + string(k.Code))
		}
		m[k.Code] = k
	}
	return m
}()

func kindOf(code es.Code) Kind {
	if k, ok := kinds[code]; ok {
		return k
	}
	return Kind{code, http.StatusConflict,
		Text{"The command was refused", "A rule does not allow it."},
		Text{"命令被拒绝", "规则不允许此操作。"}}
}
