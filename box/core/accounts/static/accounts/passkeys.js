// Forms that send what a passkey has signed.
//
//   <form data-passkey="get" data-challenge="/sign-in/passkey/challenge/">  with a hidden field `credential`
//
// The browser is asked when the form is sent; `create` makes a passkey, `get` signs with one.

const canDo = () => typeof PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

// Before htmx, which would send the form as it is.
addEventListener(
  "submit",
  (event) => {
    const form = event.target.closest?.("form[data-passkey]");
    if (!form) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!form.inert) ask(form);
  },
  { capture: true },
);

async function ask(form) {
  const problem = form.querySelector("[data-problem]");
  const say = (text) => {
    problem.hidden = !text;
    problem.querySelector("span").textContent = text;
  };
  say("");
  if (!globalThis.PublicKeyCredential || !canDo()) return say(form.dataset.unsupported);
  form.inert = true;
  try {
    const options = await challenge(form);
    if (!options) return;
    const credential =
      form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (error) {
    say(error.name === "InvalidStateError" ? form.dataset.known : form.dataset.refused);
  } finally {
    form.inert = false;
  }
}

async function challenge(form) {
  const answer = await fetch(form.dataset.challenge, {
    method: "POST",
    headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
  });
  // The password is asked for again.
  if (answer.redirected) return void location.assign(answer.url);
  if (!answer.ok) throw new Error(`The portal answered ${answer.status}`);
  return answer.json();
}
