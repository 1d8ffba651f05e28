// Opens a conference and places an order, with types that a generator has made of the
// API's description.
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const [url, token] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl: url });
const organiser = { Authorization: `Bearer ${token}` };
const header = { Prefer: "wait=20" };

const conference = randomUUID();
const seats = randomUUID();
const starts = new Date(Date.now() + 365 * 24 * 3600 * 1000);
const ends = new Date(starts.getTime() + 8 * 3600 * 1000);

function must<T>(what: string, answer: { data?: T; error?: unknown; response: Response }): T {
  if (!answer.response.ok || answer.data === undefined) {
    throw new Error(`${what}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
}

must("conference", await client.POST("/api/conferences", {
  params: { header }, headers: organiser,
  body: {
    conferenceId: conference, slug: `ts-${conference}`, owner: "A program", name: "Generated", description: "",
    currency: "EUR", location: "Berlin", timeZone: "Europe/Berlin",
    startsAt: starts.toISOString(), endsAt: ends.toISOString(),
  },
}));
must("seat type", await client.POST("/api/conferences/{id}/seat-types", {
  params: { path: { id: conference }, header }, headers: organiser,
  body: { seatTypeId: seats, name: "Admission", price: 0, quota: 10 },
}));
must("publish", await client.POST("/api/conferences/{id}/publish", {
  params: { path: { id: conference }, header }, headers: organiser,
}));
const placed = must("order", await client.POST("/api/conferences/{id}/orders", {
  params: { path: { id: conference }, header },
  body: { items: [{ seatType: seats, quantity: 2 }] },
}));
console.log("placed", placed.id);
