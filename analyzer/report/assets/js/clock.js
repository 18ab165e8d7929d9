// The reader's own time beside UTC, where it is another.

/** @param {number} value */
const twoDigits = (value) => String(Math.trunc(Math.abs(value))).padStart(2, "0");

/**
 * Write an instant by the clock of this machine: 09:57:11 UTC+01:00, with the day where that is another.
 * @param {Date} at
 */
function localTime(at) {
  const east = -at.getTimezoneOffset();
  const day = [at.getFullYear(), twoDigits(at.getMonth() + 1), twoDigits(at.getDate())].join("-");
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(":");
  return `${at.getDate() === at.getUTCDate() ? "" : `${day} `}${time} UTC${east < 0 ? "\u2212" : "+"}${twoDigits(east / 60)}:${twoDigits(east % 60)}`;
}

for (const place of all("[data-utc]")) {
  const at = new Date(place.dataset.utc || "");
  if (Number.isNaN(at.getTime()) || at.getTimezoneOffset() === 0) continue;
  place.textContent = say("your time {time}", { time: localTime(at) });
  place.hidden = false;
}
