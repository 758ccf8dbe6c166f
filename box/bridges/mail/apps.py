from box.core.registry.apps import Room


class MailConfig(Room):
    name = "box.bridges.mail"

    def offer(self) -> None:
        from box.bridges.mail.smtp import SmtpMailer
        from box.core.notify.mail import mailers

        mailers.add("smtp", SmtpMailer())
