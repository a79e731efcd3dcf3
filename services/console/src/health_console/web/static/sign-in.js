// Says so when the last token was refused.
if (new URLSearchParams(location.search).has("refused")) document.getElementById("refused").hidden = false;
