import assert from "node:assert/strict";
import fc from "fast-check";
import { askCalendar } from "../../../automation/gates/calendar";
import { weekdays, type Calendar } from "../../../automation/settings/gates";

const office: Calendar = {
  timeZone: "Europe/Berlin",
  windows: [{ days: ["mon", "tue", "wed", "thu"], from: "09:00", to: "16:00" }],
  freezes: [{ from: "2026-12-18", to: "2027-01-03", reason: "year's end" }],
};

const at = (time: string, calendar = office) => askCalendar(calendar, new Date(time));

describe("the change calendar", () => {
  it("is open in a window, from its first minute to its last", () => {
    assert.equal(at("2026-11-23T07:59:59Z").open, false);
    assert.equal(at("2026-11-23T08:00:00Z").open, true);
    assert.equal(at("2026-11-23T14:59:59Z").open, true);
    assert.equal(at("2026-11-23T15:00:00Z").open, false);
  });

  it("says why it is closed and when it opens", () => {
    const { why, opensAt } = at("2026-11-21T18:00:00Z");
    assert.equal(why, "it is sat 19:00 in Europe/Berlin; changes are allowed mon,tue,wed,thu 09:00-16:00");
    assert.equal(opensAt?.toISOString(), "2026-11-23T08:00:00.000Z");
  });

  it("keeps to the wall clock when daylight saving begins and ends", () => {
    // Berlin: summer time ends on 2026-10-25 and begins on 2027-03-28, both Sundays.
    assert.equal(at("2026-10-24T20:00:00Z").opensAt?.toISOString(), "2026-10-26T08:00:00.000Z");
    assert.equal(at("2027-03-27T20:00:00Z").opensAt?.toISOString(), "2027-03-29T07:00:00.000Z");
    const nights: Calendar = { ...office, windows: [{ days: [...weekdays], from: "02:15", to: "02:45" }], freezes: [] };
    // 02:15 does not exist on the morning of the change: the window is not there that day.
    assert.equal(at("2027-03-28T00:50:00Z", nights).opensAt?.toISOString(), "2027-03-29T00:15:00.000Z");
  });

  it("is frozen on the last day of a freeze, and not at the last minute of one", () => {
    const always: Calendar = {
      timeZone: "UTC",
      windows: [],
      freezes: [
        { from: "2026-12-24", to: "2026-12-26" },
        { from: "2026-11-27T06:00", to: "2026-11-27T18:00" },
      ],
    };
    assert.match(at("2026-12-26T23:59:00Z", always).why ?? "", /frozen from 2026-12-24 to 2026-12-26/);
    assert.equal(at("2026-12-27T00:00:00Z", always).open, true);
    assert.deepEqual(
      ["05:59", "06:00", "17:59", "18:00"].map((time) => at(`2026-11-27T${time}:00Z`, always).open),
      [true, false, false, true],
    );
    assert.equal(at("2026-11-27T12:00:00Z", always).opensAt?.toISOString(), "2026-11-27T18:00:00.000Z");
  });

  it("names the reason of a freeze, and opens after it", () => {
    const { why, opensAt } = at("2026-12-21T10:00:00Z");
    assert.match(why ?? "", /year's end/);
    assert.equal(opensAt?.toISOString(), "2027-01-04T08:00:00.000Z");
  });

  it("says nothing about what is too far ahead", () => {
    const closed: Calendar = { timeZone: "UTC", windows: [], freezes: [{ from: "2026-01-01", to: "2028-01-01" }] };
    assert.deepEqual(Object.keys(at("2026-11-21T12:00:00Z", closed)).sort(), ["open", "why"]);
  });

  it("opens when it says, and not a minute before", () => {
    const time = fc.integer({ min: 0, max: 23 * 60 });
    const clock = (minutes: number) =>
      `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
    fc.assert(
      fc.property(
        fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Chatham"),
        fc.subarray([...weekdays], { minLength: 1 }),
        time,
        fc.integer({ min: 1, max: 59 }),
        fc.date({ min: new Date("2026-01-01"), max: new Date("2027-12-31"), noInvalidDate: true }),
        (timeZone, days, from, length, now) => {
          const calendar: Calendar = {
            timeZone,
            windows: [{ days, from: clock(from), to: clock(from + length) }],
            freezes: [],
          };
          const { open, opensAt } = askCalendar(calendar, now);
          if (open) return;
          assert.ok(opensAt, "a weekly window opens within 60 days");
          assert.ok(opensAt > now && askCalendar(calendar, opensAt).open);
          const before = new Date(opensAt.getTime() - 60_000);
          assert.ok(before < now || !askCalendar(calendar, before).open);
        },
      ),
      { numRuns: 25 },
    );
  });
});
