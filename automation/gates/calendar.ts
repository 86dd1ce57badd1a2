import { weekdays, type Calendar, type CalendarFreeze, type Weekday } from "../settings/gates";

/** What a calendar says about a moment. */
export interface CalendarAnswer {
  open: boolean;
  /** Why it is closed. */
  why?: string;
  /** When it opens next; undefined: not within {@link horizonDays} days, or it is open. */
  opensAt?: Date;
}

/** How far ahead the next opening is looked for. */
const horizonDays = 60;

const minute = 60_000;
/** Longest step of the search for the next opening, in minutes; what it finds is made exact afterwards. */
const coarse = 15;

/**
 * Whether changes are allowed now. The wall clock of the calendar's own time zone counts, with its daylight saving: a window
 * from 09:00 begins at 09:00 on every day.
 */
export function askCalendar(calendar: Calendar, now: Date): CalendarAnswer {
  const local = wallClock(calendar.timeZone);
  const why = closedBecause(calendar, local(now));
  if (why === undefined) return { open: true };
  const opensAt = nextOpening(calendar, now, local);
  return { open: false, why, ...(opensAt === undefined ? {} : { opensAt }) };
}

/** A moment as a wall clock in the calendar's time zone shows it. */
interface LocalTime {
  /** `YYYY-MM-DD`. */
  date: string;
  /** `HH:MM`. */
  time: string;
  weekday: Weekday;
}

function closedBecause({ windows, freezes, timeZone }: Calendar, now: LocalTime): string | undefined {
  const freeze = freezes.find((each) => isFrozen(each, now));
  if (freeze) {
    const reason = freeze.reason === undefined ? "" : ` (${freeze.reason})`;
    return `changes are frozen from ${freeze.from} to ${freeze.to}, ${timeZone}${reason}`;
  }
  const inWindow = windows.some(
    ({ days, from, to }) => days.includes(now.weekday) && now.time >= from && now.time < to,
  );
  if (windows.length === 0 || inWindow) return undefined;
  const list = windows.map(({ days, from, to }) => `${days.join(",")} ${from}-${to}`).join("; ");
  return `it is ${now.weekday} ${now.time} in ${timeZone}; changes are allowed ${list}`;
}

/** A day stands for all of it: the last day of a freeze is frozen, a last minute is not. */
function isFrozen({ from, to }: CalendarFreeze, { date, time }: LocalTime): boolean {
  const moment = `${date}T${time}`;
  const begun = moment >= (from.includes("T") ? from : `${from}T00:00`);
  return begun && (to.includes("T") ? moment < to : date <= to);
}

function nextOpening(calendar: Calendar, now: Date, local: (moment: Date) => LocalTime): Date | undefined {
  const isOpen = (time: number) => closedBecause(calendar, local(new Date(time))) === undefined;
  const begin = Math.floor(now.getTime() / minute) * minute;
  const end = begin + horizonDays * 86_400_000;
  const shortest = calendar.windows.map(({ from, to }) => minutes(to) - minutes(from));
  const stride = Math.min(coarse, ...shortest) * minute;
  for (let time = begin; time <= end; time += stride) {
    if (!isOpen(time)) continue;
    let exact = time;
    while (exact - minute > begin && isOpen(exact - minute)) exact -= minute;
    return new Date(exact);
  }
  return undefined;
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function wallClock(timeZone: string): (moment: Date) => LocalTime {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hourCycle: "h23",
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  return (moment) => {
    const parts = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
    const weekday = weekdays.find((day) => day === parts.weekday?.toLowerCase())!;
    return { date: `${parts.year}-${parts.month}-${parts.day}`, time: `${parts.hour}:${parts.minute}`, weekday };
  };
}
