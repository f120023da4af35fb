"""
A Django application that posts to the chat, under a WSGI server. To be short, this example consists
of one file; a project has the view in C{views.py}::

    pip install django waitress
    export MACHAT_KEY=$(cat key)
    cd examples/web
    waitress-serve --listen=127.0.0.1:8080 with_django:application

In another terminal::

    curl -d order=17 http://localhost:8080/orders
"""

import logging
from secrets import token_urlsafe

from chat import NotPosted, post
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY=token_urlsafe(32),
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
)


@csrf_exempt  # called by a program, not by a form
@require_POST
def pay(request):
    order = request.POST.get("order", "")
    if not order.isdecimal():
        return HttpResponse("order is missing\n", status=400)
    # ... the order is stored ...
    try:
        seq = post("sales", f"Order {order} is paid.", id=f"order-{order}")
    except NotPosted as error:
        logging.getLogger(__name__).warning("order %s is not announced: %s", order, error)
        return HttpResponse(f"order {order} is paid, but not announced\n")
    return HttpResponse(f"order {order} is announced as number {seq}\n")


urlpatterns = [path("orders", pay)]
application = get_wsgi_application()
