package problem

import "net/http"

// Codes of the problems that the gateway itself answers with. Those of
// refusals come from the apps that refuse, and stand in Kinds only.
const (
	MalformedJSON        = "malformed-json"
	BodyRequired         = "body-required"
	ValidationFailed     = "validation-failed"
	BodyTooLarge         = "body-too-large"
	UnsupportedMediaType = "unsupported-media-type"
	RequestTimeout       = "request-timeout"
	NotFound             = "not-found"
	MethodNotAllowed     = "method-not-allowed"
	CredentialRequired   = "credential-required"
	CrossOrigin          = "cross-origin"
	OrderSecretRequired  = "order-secret-required"
	ConferenceNotFound   = "conference-not-found"
	OrderNotFound        = "order-not-found"
	PaymentNotFound      = "payment-not-found"
	DeadLetterNotFound   = "dead-letter-not-found"
	IdempotencyKeyReused = "idempotency-key-reused"
	IdempotencyKeyWeak   = "idempotency-key-weak"
	BacklogTooLong       = "backlog-too-long"
	TooManyRequests      = "too-many-requests"
	Unavailable          = "unavailable"
	InternalError        = "internal-error"
)

// Text is what a person reads of a problem.
type Text struct{ Title, Detail string }

// Kind is one kind of problem. Its code is a promise; its texts may be improved.
type Kind struct {
	Code    string
	Status  int
	English Text
	Chinese Text
}

// Kinds are all kinds of problem, in the order in which they are described to
// people.
var Kinds = []Kind{
	// The request itself.
	{MalformedJSON, http.StatusBadRequest,
		Text{"The body is not JSON", "The request's body cannot be read as JSON."},
		Text{"请求体不是 JSON", "请求体无法按 JSON 解析。"}},
	{BodyRequired, http.StatusBadRequest,
		Text{"A body is required", "The request has no body."},
		Text{"缺少请求体", "该请求没有请求体。"}},
	{ValidationFailed, http.StatusUnprocessableEntity,
		Text{"The request breaks rules", "One or more fields break a rule; see errors."},
		Text{"请求不符合规则", "一个或多个字段不符合规则，详见 errors。"}},
	{BodyTooLarge, http.StatusRequestEntityTooLarge,
		Text{"The body is too large", "The request's body is larger than this operation takes."},
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
		Text{"Method not allowed", "This address does not take this method; see the header Allow."},
		Text{"不允许使用此方法", "此地址不接受该方法，详见 Allow 响应头。"}},
	{CredentialRequired, http.StatusUnauthorized,
		Text{"The organiser's credential is required", "Send the organiser's token as Authorization: Bearer <token>."},
		Text{"需要主办方凭证", "请以 Authorization: Bearer <token> 发送主办方令牌。"}},
	{OrderSecretRequired, http.StatusUnauthorized,
		Text{"The order's secret is required", "Send the order's secret as Authorization: Bearer <secret>, or find the order by e-mail address and locator."},
		Text{"需要订单密钥", "请以 Authorization: Bearer <secret> 发送订单密钥，或凭邮箱与订单代码查找订单。"}},
	{IdempotencyKeyWeak, http.StatusUnprocessableEntity,
		Text{"The idempotency key is too weak", "An Idempotency-Key is a UUID, or at least 128 random bits in base64 or hexadecimal digits: another client might choose the same weaker key, and would get the answer meant for this one."},
		Text{"幂等键强度不足", "Idempotency-Key 须为 UUID，或至少 128 位随机数的 base64 或十六进制形式；较弱的键可能与其他客户端的相同，从而使其得到本请求的答复。"}},
	{CrossOrigin, http.StatusForbidden,
		Text{"The form came from another site", "Open the page here and send the form again."},
		Text{"表单来自其他网站", "请在本站打开页面后重新提交表单。"}},
	{IdempotencyKeyReused, http.StatusUnprocessableEntity,
		Text{"The idempotency key was used for another request", "Within 24 hours an Idempotency-Key stands for one request; this one came with another body before."},
		Text{"幂等键已用于其他请求", "24 小时内同一 Idempotency-Key 只对应一个请求；此键此前随另一请求体使用过。"}},
	{BacklogTooLong, http.StatusTooManyRequests,
		Text{"Too many orders are waiting", "Orders placed earlier are still waiting to be handled. Try again after the time in Retry-After."},
		Text{"排队订单过多", "此前提交的订单仍在等待处理，请在 Retry-After 所示时间后重试。"}},
	{TooManyRequests, http.StatusTooManyRequests,
		Text{"Too many requests", "Try again after the time in Retry-After."},
		Text{"请求过于频繁", "请在 Retry-After 所示时间后重试。"}},
	{Unavailable, http.StatusServiceUnavailable,
		Text{"The service is not available", "A part of the system cannot be reached at the moment. Trying again with the same Idempotency-Key or the same id is safe."},
		Text{"服务暂不可用", "系统的某个部分暂时无法访问。使用相同的 Idempotency-Key 或相同的 id 重试是安全的。"}},
	{InternalError, http.StatusInternalServerError,
		Text{"Something went wrong", "The request could not be answered because of a fault on our side."},
		Text{"内部错误", "由于我方故障，无法处理该请求。"}},

	// What was asked for.
	{ConferenceNotFound, http.StatusNotFound,
		Text{"There is no such conference", "No conference has this id or slug."},
		Text{"会议不存在", "没有使用此 id 或短名的会议。"}},
	{OrderNotFound, http.StatusNotFound,
		Text{"There is no such order", "No order is known by this id, or by this e-mail address and locator together."},
		Text{"订单不存在", "没有与此 id，或此邮箱与订单代码相匹配的订单。"}},
	{PaymentNotFound, http.StatusNotFound,
		Text{"There is no such payment", "No payment has this id."},
		Text{"支付不存在", "没有使用此 id 的支付。"}},
	{DeadLetterNotFound, http.StatusNotFound,
		Text{"There is no such dead letter", "No dead letter has this id."},
		Text{"死信不存在", "没有使用此 id 的死信。"}},
}

var kinds = func() map[string]Kind {
	m := make(map[string]Kind, len(Kinds)+len(Refusals))
	for _, k := range append(append([]Kind{}, Kinds...), Refusals...) {
		if _, twice := m[k.Code]; twice {
			panic("problem: listed twice: " + k.Code)
		}
		m[k.Code] = k
	}
	return m
}()

func kindOf(code string) Kind {
	if k, ok := kinds[code]; ok {
		return k
	}
	return Kind{code, http.StatusConflict,
		Text{"The command was refused", "A rule does not allow it."},
		Text{"命令被拒绝", "规则不允许此操作。"}}
}
