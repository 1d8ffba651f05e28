package demo

import (
	"errors"
	"slices"

	"golang.org/x/text/language"

	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/locale"
)

// texts are the page's words in one language.
type texts struct {
	Title, Demo     string
	Amount, Payment string

	Choose                          string
	Accept, AcceptExplains          string
	Reject, RejectExplains          string
	Cancel, CancelExplains          string
	Never, NeverExplains            string
	TellAgain, TellAgainExplains    string
	Refunds, RefundsGiven, Refunded string
	RefuseRefunds, GiveRefunds      string
	RefundsRefused                  string
	Open, Silent, Closed            string
	ItemsChanged, OrderEnded        string
	PriceChanged                    string
	OrderUnknown                    string
	Accepted, Rejected, Cancelled   string
	NotTold                         string
	Unknown, NoChoice, Decided      string
	Foreign, Fault                  string
	Back                            string
}

// languages are those of inLanguage, in its order.
var languages = []language.Tag{locale.English, locale.SimplifiedChinese}

var inLanguage = []texts{
	{
		Title:  "Payment",
		Demo:   "This is a demonstration. No money moves.",
		Amount: "Amount", Payment: "Payment",
		Choose: "What shall happen?",
		Accept: "Accept", AcceptExplains: "The money is taken.",
		Reject: "Reject", RejectExplains: "The payment is refused, as when a card is declined.",
		Cancel: "Cancel", CancelExplains: "You give up paying.",
		Never: "Never answer", NeverExplains: "The money is on its way and the shop hears nothing. It cannot call the payment back. You can come back here and answer after all.",
		TellAgain: "Tell the shop again", TellAgainExplains: "The decision stands; only the shop does not know of it.",
		Refunds:        "Refunds",
		RefundsGiven:   "When the shop asks for a refund of this payment, it is given.",
		RefundsRefused: "When the shop asks for a refund of this payment, it is refused.",
		Refunded:       "The money went back.",
		RefuseRefunds:  "Refuse refunds", GiveRefunds: "Give refunds",
		Open:      "This payment waits for your decision.",
		Silent:    "The payment is on its way. The shop has had no answer.",
		Accepted:  "The payment was accepted.",
		Rejected:  "The payment was rejected.",
		Cancelled: "The payment was cancelled.",
		Closed:    "The shop does not take this payment any more. No money was taken.",

		PriceChanged: "The price of the order changed after this payment was opened, so the shop has closed it. No money was taken. Go back to the order to pay what it costs now.",
		ItemsChanged: "The order's items were changed after this payment was opened, so the shop has closed it. No money was taken. Go back to the order to pay what it costs now.",
		OrderEnded:   "The order was paid otherwise, or has ended, so the shop has closed this payment. No money was taken.",
		OrderUnknown: "The shop has no order for this payment, and has closed it. No money was taken.",

		NotTold:  "The shop could not be told.",
		Unknown:  "There is no such payment. If it was opened only now, load this page again in a moment.",
		NoChoice: "That is not one of the choices.",
		Decided:  "This payment was decided otherwise already.",
		Foreign:  "Another site sent this form. Please decide on this page.",
		Fault:    "Something went wrong here. Please try again.",
		Back:     "Back to your order",
	},
	{
		Title:  "付款",
		Demo:   "这是演示页面,不会发生真实的资金往来。",
		Amount: "金额", Payment: "付款编号",
		Choose: "请选择结果",
		Accept: "接受", AcceptExplains: "款项被收取。",
		Reject: "拒绝", RejectExplains: "付款被拒,如同银行卡被拒。",
		Cancel: "取消", CancelExplains: "您放弃付款。",
		Never: "不予答复", NeverExplains: "款项在途,商家得不到任何消息,也无法撤回这笔付款。您之后仍可回到本页作出答复。",
		TellAgain: "再次通知商家", TellAgainExplains: "您的决定有效,只是商家尚未得知。",
		Refunds:        "退款",
		RefundsGiven:   "商家要求退款时,将予以退款。",
		RefundsRefused: "商家要求退款时,将被拒绝。",
		Refunded:       "款项已退回。",
		RefuseRefunds:  "拒绝退款", GiveRefunds: "允许退款",
		Open:      "此付款等待您的决定。",
		Silent:    "款项在途,商家尚未得到答复。",
		Accepted:  "付款已被接受。",
		Rejected:  "付款已被拒绝。",
		Cancelled: "付款已取消。",
		Closed:    "商家不再接受此付款。没有收取任何款项。",

		PriceChanged: "此付款创建后订单价格已变化，商家已将其关闭。没有收取任何款项。请返回订单，按新的金额付款。",
		ItemsChanged: "此付款创建后订单内容已更改,商家已将其关闭。没有收取任何款项。请返回订单,按新的金额付款。",
		OrderEnded:   "该订单已另行付款或已结束,商家已关闭此付款。没有收取任何款项。",
		OrderUnknown: "商家没有与此付款对应的订单,已将其关闭。没有收取任何款项。",

		NotTold:  "未能通知商家。",
		Unknown:  "没有这笔付款。如果刚刚创建,请稍后重新加载本页。",
		NoChoice: "没有这个选项。",
		Decided:  "此付款已有其他决定。",
		Foreign:  "该表单由其他网站提交。请在本页作出决定。",
		Fault:    "出现错误,请重试。",
		Back:     "返回您的订单",
	},
}

// speak finds the reader's language.
func speak(acceptLanguage string) (language.Tag, texts) {
	tag := locale.Accepted(acceptLanguage)
	return tag, inLanguage[slices.Index(languages, tag)]
}

func (t texts) status(r record) string {
	said := map[status]string{
		open: t.Open, silent: t.Silent, accepted: t.Accepted, rejected: t.Rejected, cancelled: t.Cancelled, closed: t.closed(r.Reason),
	}[r.Status]
	if _, ended := r.event(); ended && !r.Told {
		return t.NotTold
	}
	return said
}

// closed says why the shop does not take the payment any more.
func (t texts) closed(reason string) string {
	switch reason {
	case contracts.ItemsChanged:
		return t.ItemsChanged
	case contracts.PriceChanged:
		return t.PriceChanged
	case contracts.OrderEnded:
		return t.OrderEnded
	case contracts.OrderUnknown:
		return t.OrderUnknown
	}
	return t.Closed
}

func (t texts) alert(err error) string {
	switch {
	case err == nil, errors.Is(err, errClosed): // which the payment's status says, and why
		return ""
	case errors.Is(err, provider.ErrUnknown):
		return t.Unknown
	case errors.Is(err, errNoChoice):
		return t.NoChoice
	case errors.Is(err, errDecided):
		return t.Decided
	case errors.Is(err, errForeign):
		return t.Foreign
	}
	return t.Fault
}
