"""Word lists and sign tables of `text`: languages, terms of receipts and forms, units, months, confusable signs."""

import textwrap


def _split(terms: str) -> tuple[str, ...]:
    return tuple(textwrap.dedent(terms).split())


# language: (number of words, weight)
LANGUAGES = {
    "en": (50000, 0.56),
    "fr": (25000, 0.14),
    "de": (15000, 0.06),
    "es": (15000, 0.05),
    "it": (10000, 0.04),
    "pt": (10000, 0.03),
    "nl": (10000, 0.02),
    "ms": (15000, 0.07),
    "id": (10000, 0.03),
}
RECEIPT = _split("""
    TOTAL SUBTOTAL SUB-TOTAL CASH CHANGE TAX INVOICE RECEIPT GST VAT TVA QTY AMOUNT AMT PRICE DISC DISCOUNT ROUNDING
    ADJUSTMENT ROUND ITEM ITEMS UNIT U.PRICE DESCRIPTION DATE TIME CASHIER CASHIER: TABLE TEL TEL: FAX FAX: NO NO. NO:
    REG REG. ID BILL ORDER MEMBER CARD VISA MASTERCARD CREDIT DEBIT PAID PAYMENT BALANCE DUE THANK YOU PLEASE COME AGAIN
    GOODS SOLD ARE NOT RETURNABLE REFUNDABLE EXCHANGE WITHIN DAYS WITH ORIGINAL SUMMARY RATE CODE INCLUSIVE EXCLUDING
    INCL. EXCL. INCL SR ZR ZRL RM USD EUR PCS EA KG X COMPANY CO. LTD LTD. SDN BHD BHD. (M) ENTERPRISE TRADING
    RESTAURANT STORE SHOP MART SUPERMARKET HARDWARE STATIONERY BOOK PHARMACY BAKERY CAFE COFFEE TEA RICE CHICKEN FISH
    MILK BREAD WATER ICE SUGAR EGG JUICE CHEESE BEEF STREET ROAD AVENUE JALAN TAMAN LOT BLOCK FLOOR CITY STATE ZIP PHONE
    EMAIL CUSTOMER SERVICE CHARGE STAFF SALES SALESPERSON COUNTER TERMINAL TRANS TRX REF DOC DOCUMENT TAXABLE NET GROSS
    NETT TENDER TENDERED CHEQUE COPY DUPLICATE MERCHANT APPROVED AUTH BATCH TRACE TVR AID OPEN CLOSE HOURS DAILY
""")
FORM = _split("""
    Name Address Date: Telephone Number Signature Title Department Company Brand Report Subject: From: To: CC: RE: Page
    Total Cost Estimated Project Code Approved By: Approval Requested Comments: Account Description Purpose Budget
    Quantity Period Region Division Manager District Research Development Sample Analysis Results Test Method Material
    Chemical Study Laboratory Product Marketing Advertising Media Program Contract Effective Completion Attachments Yes
    No Confidential Facsimile Transmission Pages Sheet Cover Message Urgent Retail Store Chain Outlets Volume Weight
    Distribution Female Male Animal Dose Item Unit Price Amount Request Authorization Expense Start End Submitted
    Reviewed
""")
CURRENCIES = ("$", "$", "$", "£", "€", "RM", "RM", "USD", "EUR", "¥", "Rs.", "CHF")
UNITS = _split("x X @ kg g ml cm pcs L PCS KG G ML oz . mm S 'S % mg lb hr")
MONTHS = _split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
LONG_MONTHS = _split("January February March April May June July August September October November December")
DOMAINS = _split("com org net co.uk fr de com.my gov edu io eu")
TAIL = ",,,,....:::::;)!?'\"-%*/]>"
HEAD = "($#*-\"'@+[<&/"
LOOSE = (*":-*=.&/|#@+()1234567890xXIlAaO%$?", *_split("-- --- ... ** *** [] // -> .: :: == ____"))
# characters that small models confuse: strings made of one group teach the difference
CONFUSABLE = _split("O0QDo 1Il|!iTJt7 5S8B3$s HWMNKUV 2Z7z? G6C09e cceo .,:;' -_=~ rnm EFPRB8 38B9S0")
