// Opens the application's page in its frame, with what only it is to read.

document.forms[0].submit();
