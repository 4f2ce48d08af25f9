"""One small file for each feed and seed, as the documents show them; together they are a company that can be built."""

SAMPLES = {
    "lines": """order_id,line_id,ordered_at,customer_id,revenue,cost
A-1001,1,2026-02-03T10:15:00Z,C0017,59.90,31.20
A-1001,2,2026-02-03T10:15:00Z,C0017,12.00,4.50
A-1002,1,2026-02-05 08:00,,8.50,3.00""",
    "customers": """customer_id,joined_at,segment,region,manager_id,acquisition_cost,payment_plan
C0017,2025-11-20,home,North,M01,14.00,invoice""",
    "partners": """partner_id,partner_name,partner_type,tier
P03,Alder Tools Ltd,manufacturer,gold""",
    "contacts": """contact_id,customer_id,channel,occurred_at,direction,campaign_id,cost,arm,responded
K1,C0017,email,2026-02-01T09:00:00Z,out,SPRING,,treated,true
K2,C0017,teleservice,2026-02-04T11:30:00Z,in,,4.20,,""",
    "campaigns": """campaign_id,name,channel,starts_at,ends_at,fixed_cost,measured_to,treated_share,expected_effect
SPRING,Spring offer,email,2026-02-01,2026-02-28,250.00,2026-03-15,0.9,0.40""",
    "consents": """customer_id,channel,allowed,recorded_at,collected
C0017,email,true,2025-11-20,active""",
    "assignments": """subject,subject_id,manager_id,valid_from,valid_to
customer,C0017,M02,2026-01-01,""",
    "channels": """channel,label,kind,unit_cost,capacity_per_month,min_days_between,needs_consent
email,E-mail,email,0.05,,3,true
teleservice,Teleservice,teleservice,6.50,4000,30,true""",
    "targets": """metric,scope,period,value
margin,company,2026,50000""",
    "policies": """role,metric,least_others
manager,margin_rate,100""",
    "rules": """rule,statement,metric,scope,threshold,direction,owner,since
margin,Achieve profitability with a certain margin,margin_rate,company,0.25,at least,executive,2026-01-01""",
}
