package text

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Zone is the time zone of that IANA name, and UTC for a name that is not known.
func Zone(name string) *time.Location {
	if name == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Date writes a day.
func Date(l Language, t time.Time) string {
	if l == Chinese {
		return fmt.Sprintf("%d年%d月%d日", t.Year(), t.Month(), t.Day())
	}
	return t.Format("2 January 2006")
}

// Weekday writes the day of the week, short.
func Weekday(l Language, t time.Time) string {
	if l == Chinese {
		return "周" + string([]rune("日一二三四五六")[t.Weekday()])
	}
	return t.Format("Mon")
}

// Clock writes the time of the day.
func Clock(t time.Time) string { return t.Format("15:04") }

// Days writes the days from one time to another, as short as it is clear.
func Days(l Language, from, to time.Time) string {
	y1, m1, d1 := from.Date()
	y2, m2, d2 := to.Date()
	switch {
	case y1 == y2 && m1 == m2 && d1 == d2:
		return Date(l, from)
	case l == Chinese && y1 == y2 && m1 == m2:
		return fmt.Sprintf("%d年%d月%d日至%d日", y1, m1, d1, d2)
	case l == Chinese && y1 == y2:
		return fmt.Sprintf("%d年%d月%d日至%d月%d日", y1, m1, d1, m2, d2)
	case l == Chinese:
		return Date(l, from) + "至" + Date(l, to)
	case y1 == y2 && m1 == m2:
		return fmt.Sprintf("%d–%s", d1, Date(l, to))
	case y1 == y2:
		return from.Format("2 January") + " – " + Date(l, to)
	}
	return Date(l, from) + " – " + Date(l, to)
}

// Month writes a month, short, as a date's picture has it.
func Month(l Language, t time.Time) string {
	if l == Chinese {
		return fmt.Sprintf("%d月", t.Month())
	}
	return t.Format("Jan")
}

// Place names a time zone by its place and its distance from UTC at t: an
// abbreviation such as CST means several things.
func Place(l Language, t time.Time) string {
	offset := "UTC"
	if _, seconds := t.Zone(); seconds != 0 {
		sign, minutes := "+", seconds/60
		if minutes < 0 {
			sign, minutes = "−", -minutes
		}
		offset += fmt.Sprintf("%s%d", sign, minutes/60)
		if minutes%60 != 0 {
			offset += fmt.Sprintf(":%02d", minutes%60)
		}
	}
	name := t.Location().String()
	if name == "" || name == "UTC" || name == "Local" {
		return offset
	}
	return Plain(l, "time.place", "city", City(l, name), "offset", offset)
}

// City is the place that an IANA zone is named after.
func City(l Language, zone string) string {
	if l == Chinese {
		if city, ok := cities[zone]; ok {
			return city
		}
	}
	return strings.ReplaceAll(zone[strings.LastIndex(zone, "/")+1:], "_", " ")
}

// cities are the zones' places in Chinese; others are named as IANA has them.
var cities = map[string]string{
	"Asia/Shanghai": "上海", "Asia/Urumqi": "乌鲁木齐", "Asia/Hong_Kong": "香港", "Asia/Macau": "澳门", "Asia/Taipei": "台北",
	"Asia/Tokyo": "东京", "Asia/Seoul": "首尔", "Asia/Singapore": "新加坡", "Asia/Bangkok": "曼谷", "Asia/Kuala_Lumpur": "吉隆坡",
	"Asia/Jakarta": "雅加达", "Asia/Manila": "马尼拉", "Asia/Ho_Chi_Minh": "胡志明市", "Asia/Kolkata": "加尔各答", "Asia/Dubai": "迪拜",
	"Asia/Tehran": "德黑兰", "Asia/Jerusalem": "耶路撒冷", "Asia/Riyadh": "利雅得", "Asia/Karachi": "卡拉奇", "Asia/Kathmandu": "加德满都",
	"Europe/London": "伦敦", "Europe/Paris": "巴黎", "Europe/Berlin": "柏林", "Europe/Madrid": "马德里", "Europe/Rome": "罗马",
	"Europe/Amsterdam": "阿姆斯特丹", "Europe/Brussels": "布鲁塞尔", "Europe/Vienna": "维也纳", "Europe/Zurich": "苏黎世", "Europe/Stockholm": "斯德哥尔摩",
	"Europe/Oslo": "奥斯陆", "Europe/Copenhagen": "哥本哈根", "Europe/Helsinki": "赫尔辛基", "Europe/Warsaw": "华沙", "Europe/Prague": "布拉格",
	"Europe/Lisbon": "里斯本", "Europe/Dublin": "都柏林", "Europe/Athens": "雅典", "Europe/Istanbul": "伊斯坦布尔", "Europe/Moscow": "莫斯科", "Europe/Kyiv": "基辅",
	"America/New_York": "纽约", "America/Chicago": "芝加哥", "America/Denver": "丹佛", "America/Los_Angeles": "洛杉矶", "America/Phoenix": "凤凰城",
	"America/Toronto": "多伦多", "America/Vancouver": "温哥华", "America/Mexico_City": "墨西哥城", "America/Bogota": "波哥大", "America/Sao_Paulo": "圣保罗",
	"America/Argentina/Buenos_Aires": "布宜诺斯艾利斯", "America/Santiago": "圣地亚哥", "America/Lima": "利马",
	"Africa/Cairo": "开罗", "Africa/Johannesburg": "约翰内斯堡", "Africa/Lagos": "拉各斯", "Africa/Nairobi": "内罗毕",
	"Australia/Sydney": "悉尼", "Australia/Melbourne": "墨尔本", "Australia/Brisbane": "布里斯班", "Australia/Perth": "珀斯", "Pacific/Auckland": "奥克兰",
}

// Zones are time zones to choose from; any other that IANA names may be typed.
func Zones() []string { return slices.Sorted(maps.Keys(cities)) }
