// The calendar's grid: box/apps/calendar/static/calendar/calendar.js draws with it.

export { Calendar } from "fullcalendar";
export { default as dayGrid } from "fullcalendar/daygrid";
export { default as interaction } from "fullcalendar/interaction";
export { default as list } from "fullcalendar/list";
export { default as ru } from "fullcalendar/locales/ru";
export { default as theme } from "fullcalendar/themes/classic";
export { default as timeGrid } from "fullcalendar/timegrid";
